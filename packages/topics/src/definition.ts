import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TopicError } from './errors.ts'
import { matches, overlap, parsePattern } from './pattern.ts'
import type { ParsedPattern } from './pattern.ts'
import { flawOfLength, flawOfSegment } from './topic.ts'

/** For each pattern of topics, the schema of the data of each event type. */
export type TopicDefinition = Readonly<Record<string, Readonly<Record<string, StandardSchemaV1>>>>

/** The event types of patterns. */
export type TypeOf<Definition extends TopicDefinition, Pattern extends keyof Definition> = {
  [One in Pattern]: keyof Definition[One]
}[Pattern] &
  string

/** The data of an event type of patterns, as its schema accepts it. */
export type DataOf<
  Definition extends TopicDefinition,
  Pattern extends keyof Definition,
  Type extends string,
> = {
  [One in Pattern]: Type extends keyof Definition[One]
    ? StandardSchemaV1.InferInput<Definition[One][Type]>
    : never
}[Pattern]

/** Maximum length of an event type, in bytes of UTF-8 (protocol, section 1.1). */
const MAX_TYPE_BYTES = 256
const LINE_END_OR_NUL = /[\r\n\0]/

/** Parses all patterns. @throws TopicError `invalid-definition` */
export function parseDefinition(definition: TopicDefinition): readonly ParsedPattern[] {
  const parsed: ParsedPattern[] = []
  if (!isRecord(definition)) {
    const message = 'A definition is an object whose names are patterns of topics.'
    throw new TopicError('invalid-definition', message)
  }
  for (const [pattern, schemas] of Object.entries(definition)) {
    const one = parsePattern(pattern)
    const other = parsed.find((earlier) => overlap(earlier, one))
    if (other !== undefined) {
      const message = `${other.pattern} and ${pattern} match the same topics: an event would have two definitions.`
      throw new TopicError('invalid-definition', message, { details: { pattern } })
    }
    parsed.push(one)
    if (!isRecord(schemas)) {
      const message = `The pattern ${pattern} needs an object whose names are event types.`
      throw new TopicError('invalid-definition', message, { details: { pattern } })
    }
    for (const [type, schema] of Object.entries(schemas)) {
      const flaw = flawOfType(type) ?? flawOfSchema(schema)
      if (flaw === undefined) continue
      const details = { pattern, type }
      throw new TopicError('invalid-definition', `The event type ${type} of ${pattern} ${flaw}.`, { details })
    }
  }
  return parsed
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function flawOfType(type: string): string | undefined {
  if (type === '') return 'is empty'
  if (LINE_END_OR_NUL.test(type)) return 'contains a CR, LF or NUL'
  if (!type.isWellFormed()) return 'is not valid Unicode'
  if (type.startsWith('tailrace.')) return 'starts with tailrace., which is reserved for the hub'
  const isTooLong = new TextEncoder().encode(type).length > MAX_TYPE_BYTES
  return isTooLong ? `is longer than ${MAX_TYPE_BYTES} bytes` : undefined
}

function flawOfSchema(schema: unknown): string | undefined {
  // The schemas of some libraries are functions.
  const props = (schema as StandardSchemaV1 | undefined)?.['~standard']
  return typeof props?.validate === 'function' ? undefined : 'has no Standard Schema'
}

/** The schema of an event. @throws TopicError `unknown-topic` or `unknown-type` */
export function schemaOf(
  definition: TopicDefinition,
  patterns: readonly ParsedPattern[],
  topic: string,
  type: string,
): StandardSchemaV1 {
  const segments = typeof topic === 'string' ? topic.split('/') : []
  const isTopic =
    segments.every((segment) => flawOfSegment(segment) === undefined) && flawOfLength(topic) === undefined
  const pattern = isTopic ? patterns.find((one) => matches(one, segments))?.pattern : undefined
  if (pattern === undefined) {
    const message = 'The topic is not one of those that are defined.'
    throw new TopicError('unknown-topic', message, { details: { topic } })
  }
  const schemas = definition[pattern]!
  if (Object.hasOwn(schemas, type)) return schemas[type]!
  const message = `The event type is not one of those that are defined for ${pattern}.`
  throw new TopicError('unknown-type', message, { details: { topic, pattern, type } })
}
