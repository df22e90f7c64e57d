import { TopicError } from './errors.ts'
import { flawOfLength, flawOfSegment } from './topic.ts'

/** The segments of a pattern or topic. */
type Segments<Text extends string> = Text extends `${infer Segment}/${infer Rest}`
  ? [Segment, ...Segments<Rest>]
  : [Text]

/** The topics of a pattern: `orders/${string}` for `orders/:id`. */
export type TopicOf<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}`
  ? `${ValueOf<Segment>}/${TopicOf<Rest>}`
  : ValueOf<Pattern>

type ValueOf<Segment extends string> = Segment extends `:${string}` ? string : Segment

type NameOf<Segment> = Segment extends `:${infer Name}` ? Name : never

/** The parameters of a pattern: `{ id: string }` for `orders/:id`. */
export type ParametersOf<Pattern extends string> = {
  readonly [Name in NameOf<Segments<Pattern>[number]>]: string
}

type IsMatch<Pattern, Topic> = Pattern extends [infer Wanted extends string, ...infer RestOfPattern]
  ? Topic extends [infer Segment extends ValueOf<Wanted>, ...infer RestOfTopic]
    ? Segment extends ''
      ? false
      : IsMatch<RestOfPattern, RestOfTopic>
    : false
  : Topic extends []
    ? true
    : false

/** Of several patterns, those that match a topic, segment by segment. */
export type PatternOf<Pattern extends string, Topic extends string> = {
  [One in Pattern]: IsMatch<Segments<One>, Segments<Topic>> extends true ? One : never
}[Pattern]

/** A segment of a pattern: literal text, or a parameter that stands for one segment. */
type Part = { readonly text: string } | { readonly parameter: string }

/** A pattern that was parsed. */
export interface ParsedPattern {
  readonly pattern: string
  readonly parts: readonly Part[]
}

const PARAMETER = /^:([A-Za-z_][A-Za-z0-9_]*)$/

/** @throws TopicError `invalid-definition` */
export function parsePattern(pattern: string): ParsedPattern {
  const names = new Set<string>()
  const parts = pattern.split('/').map((segment): Part => {
    const parameter = PARAMETER.exec(segment)?.[1]
    const flaw =
      parameter !== undefined
        ? names.has(parameter) && `has two parameters named ${parameter}`
        : segment.startsWith(':')
          ? `has the parameter ${segment}, whose name is not a letter or _ followed by letters, digits and _`
          : segmentFlaw(segment)
    if (flaw) refuse(pattern, flaw)
    if (parameter === undefined) return { text: segment }
    names.add(parameter)
    return { parameter }
  })
  const flaw = flawOfLength(pattern)
  if (flaw !== undefined) refuse(pattern, flaw)
  return { pattern, parts }
}

function segmentFlaw(segment: string): string | undefined {
  const flaw = flawOfSegment(segment)
  return flaw && `has a segment that ${flaw}`
}

function refuse(pattern: string, flaw: string): never {
  throw new TopicError('invalid-definition', `The pattern ${pattern} ${flaw}.`, { details: { pattern } })
}

/** Whether a valid topic has the form of a pattern. */
export function matches({ parts }: ParsedPattern, segments: readonly string[]): boolean {
  return (
    segments.length === parts.length &&
    parts.every((part, i) => !('text' in part) || part.text === segments[i])
  )
}

/** Whether there are topics that both patterns match. */
export function overlap(a: ParsedPattern, b: ParsedPattern): boolean {
  if (a.parts.length !== b.parts.length) return false
  return a.parts.every((part, i) => {
    const other = b.parts[i]!
    return !('text' in part) || !('text' in other) || part.text === other.text
  })
}

/** The topic for these parameters. @throws TopicError `invalid-parameter` */
export function fill(
  { pattern, parts }: ParsedPattern,
  parameters: Readonly<Record<string, string>>,
): string {
  const segments = parts.map((part) => {
    if ('text' in part) return part.text
    const { parameter } = part
    const value: unknown = Object.hasOwn(Object(parameters), parameter) ? parameters[parameter] : undefined
    const flaw = typeof value === 'string' ? flawOfSegment(value) : 'is not a string'
    if (flaw === undefined) return value as string
    const details = { pattern, parameter }
    throw new TopicError('invalid-parameter', `The parameter ${parameter} of ${pattern} ${flaw}.`, {
      details,
    })
  })
  const topic = segments.join('/')
  const flaw = flawOfLength(topic)
  if (flaw === undefined) return topic
  throw new TopicError('invalid-parameter', `The topic of ${pattern} ${flaw}.`, { details: { pattern } })
}
