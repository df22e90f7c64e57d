import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { TopicDefinition } from './definition.ts'
import { jsonSchemaOf, moved, pointer } from './json-schema.ts'
import type { JsonSchema, ToJsonSchema } from './json-schema.ts'
import { parsePattern } from './pattern.ts'
import type { ParsedPattern } from './pattern.ts'

export interface AsyncApiInfo {
  readonly title: string
  /** The version of your interface. */
  readonly version: string
  readonly description?: string | undefined
}

export interface AsyncApiServer {
  /** With the port, without the protocol. */
  readonly host: string
  readonly protocol: string
  /** The path that the topics follow: `/topics` for a Tailrace hub. */
  readonly pathname?: string | undefined
  readonly description?: string | undefined
}

export interface AsyncApiOptions {
  readonly info: AsyncApiInfo
  readonly servers?: Readonly<Record<string, AsyncApiServer>> | undefined
  /** For schemas whose library does not implement Standard JSON Schema. */
  readonly toJsonSchema?: ToJsonSchema | undefined
}

interface Message {
  readonly name: string
  readonly contentType: 'application/json'
  readonly payload: JsonSchema
}

interface Channel {
  /** The topic, with its parameters in braces. */
  readonly address: string
  readonly parameters: Readonly<Record<string, object>>
  readonly messages: Readonly<Record<string, Message>>
}

/** A document of AsyncAPI 3.0. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.0.0'
  readonly info: AsyncApiInfo
  readonly servers?: Readonly<Record<string, AsyncApiServer>>
  readonly defaultContentType: 'application/json'
  readonly channels: Readonly<Record<string, Channel>>
  /** Your application sends; readers receive. */
  readonly operations: Readonly<
    Record<string, { readonly action: 'send'; readonly channel: { readonly $ref: string } }>
  >
}

/**
 * Describes topics for tools and for readers in other languages: a channel for each pattern, and a message for each event
 * type.
 *
 * @throws TopicError `no-json-schema` if a schema cannot be expressed in JSON Schema
 */
export function toAsyncApi(
  topics: { readonly definition: TopicDefinition },
  { info, servers, toJsonSchema }: AsyncApiOptions,
): AsyncApiDocument {
  const channels: Record<string, Channel> = {}
  const operations: Record<string, AsyncApiDocument['operations'][string]> = {}
  for (const [pattern, schemas] of Object.entries(topics.definition)) {
    const parsed = parsePattern(pattern)
    const id = idOf(parsed, channels)
    const place = pointer('channels', id)
    channels[id] = channelOf(parsed, schemas, place, toJsonSchema)
    operations[id] = { action: 'send', channel: { $ref: place } }
  }
  return {
    asyncapi: '3.0.0',
    info,
    ...(servers && { servers }),
    defaultContentType: 'application/json',
    channels,
    operations,
  }
}

function channelOf(
  { pattern, parts }: ParsedPattern,
  schemas: Readonly<Record<string, StandardSchemaV1>>,
  place: string,
  convert: ToJsonSchema | undefined,
): Channel {
  const messages = Object.entries(schemas).map(([type, schema]): [string, Message] => {
    const payload = jsonSchemaOf(schema, convert, { pattern, type })
    const at = place + pointer('messages', type, 'payload').slice(1)
    return [type, { name: type, contentType: 'application/json', payload: moved(payload, at) }]
  })
  return {
    address: parts.map((part) => ('text' in part ? part.text : `{${part.parameter}}`)).join('/'),
    parameters: Object.fromEntries(parts.flatMap((part) => ('text' in part ? [] : [[part.parameter, {}]]))),
    messages: Object.fromEntries(messages),
  }
}

/** A name that generators can use: `ordersId` for `orders/:id`. */
function idOf({ pattern }: ParsedPattern, taken: object): string {
  const words = pattern.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  const name = words.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('')
  let id = name || 'topic'
  for (let count = 2; Object.hasOwn(taken, id); count += 1) id = `${name || 'topic'}${count}`
  return id
}
