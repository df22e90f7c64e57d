import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { TopicError } from './errors.ts'

/** A JSON Schema, as an object. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Converts a schema whose library does not do so itself. */
export type ToJsonSchema = (schema: StandardSchemaV1) => JsonSchema

/** The JSON Schema of published data, for draft 7. @throws TopicError `no-json-schema` */
export function jsonSchemaOf(
  schema: StandardSchemaV1,
  convert: ToJsonSchema | undefined,
  details: { readonly pattern: string; readonly type: string },
): JsonSchema {
  const { vendor, jsonSchema } = (schema as StandardSchemaV1 & Partial<StandardJSONSchemaV1>)[
    '~standard'
  ] as Partial<StandardJSONSchemaV1.Props>
  const where = `The schema of the event ${details.type} of ${details.pattern}`
  if (jsonSchema === undefined && convert === undefined) {
    const message = `${where} cannot be expressed in JSON Schema: ${vendor} does not convert its schemas. Pass toJsonSchema.`
    throw new TopicError('no-json-schema', message, { details })
  }
  try {
    const { $schema: _, ...converted } = jsonSchema?.input({ target: 'draft-07' }) ?? convert!(schema)
    return converted
  } catch (cause) {
    const message = `${where} cannot be expressed in JSON Schema: ${String(cause)}`
    throw new TopicError('no-json-schema', message, { details, cause })
  }
}

/** A JSON Schema whose references to itself work at another place of a document. */
export function moved(schema: JsonSchema, place: string): JsonSchema {
  const move = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(move)
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).map(([name, inner]) => {
      const isOwn = name === '$ref' && typeof inner === 'string' && inner.startsWith('#')
      return [name, isOwn ? place + inner.slice(1) : move(inner)]
    })
    return Object.fromEntries(entries) as unknown
  }
  return move(schema) as JsonSchema
}

/** A reference to a place in a document (RFC 6901, section 6). */
export function pointer(...names: readonly string[]): string {
  const escaped = names.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1')))
  return ['#', ...escaped].join('/')
}
