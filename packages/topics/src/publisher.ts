import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { DataOf, TopicDefinition, TypeOf } from './definition.ts'
import { TopicError } from './errors.ts'
import type { PatternOf, TopicOf } from './pattern.ts'

/** The optional fields of an event. */
export interface EventFields {
  /** A snapshot of the topic contains the newest event of each key. */
  readonly key?: string | undefined
  /** Removes the key from snapshots. Only with a key. */
  readonly remove?: boolean | undefined
  /** The topic ends with this event. */
  readonly end?: boolean | undefined
  /** A second event of the topic with this key is not stored again. */
  readonly idempotencyKey?: string | undefined
}

export interface Published {
  /** The position after the event. */
  readonly id: string
  readonly topic: string
}

/** Publishes events of any kind: a hub, or anything with the same method. */
export interface Publisher<Result extends Published = Published> {
  publish(
    topic: string,
    event: EventFields & { readonly type: string; readonly data: string },
  ): Promise<Result>
}

export interface PublisherOptions {
  /** Whether each event is validated by its schema before it is published. @defaultValue false */
  readonly validate?: boolean | undefined
}

/** Data that is that of each of these event types: which of them it will be is not known when this is compiled. */
type DataOfEach<Definition extends TopicDefinition, Pattern extends keyof Definition, Type extends string> = (
  Type extends unknown ? (data: [DataOf<Definition, Pattern, Type>]) => void : never
) extends (data: infer Each extends [unknown]) => void
  ? Each[0]
  : never

/**
 * Publishes an event as JSON. Resolves when it is durable. The data is published as it was given, not as the schema
 * transforms it: readers can apply the same schema to it.
 *
 * @throws TopicError `unknown-topic`, `unknown-type` or `invalid-data`, or the error of the hub; nothing was published
 */
export type Publish<Definition extends TopicDefinition> = <
  const Topic extends TopicOf<keyof Definition & string>,
  Type extends TypeOf<Definition, PatternOf<keyof Definition & string, Topic>>,
>(
  topic: Topic,
  type: Type,
  data: DataOfEach<Definition, PatternOf<keyof Definition & string, Topic>, Type>,
  fields?: EventFields,
) => Promise<Published>

/** The JSON text of the data of an event. @throws TopicError `invalid-data` */
export async function textOf(
  data: unknown,
  schema: StandardSchemaV1 | undefined,
  details: { readonly topic: string; readonly type: string },
): Promise<string> {
  const result = await schema?.['~standard'].validate(data)
  if (result?.issues !== undefined) throw invalid(details, result.issues)
  let text: string | undefined
  try {
    text = JSON.stringify(data) as string | undefined
  } catch (cause) {
    throw invalid(details, [{ message: String(cause) }], cause)
  }
  if (text === undefined) throw invalid(details, [{ message: `${typeof data} is not a JSON value` }])
  return text
}

/** Maximum number of issues in the message of an error: a long list may have one for each element. */
const MAX_REASONS = 10

function invalid(
  details: { readonly topic: string; readonly type: string },
  issues: readonly StandardSchemaV1.Issue[],
  cause?: unknown,
): TopicError {
  const reasons = issues.slice(0, MAX_REASONS).map((issue) => `${pathOf(issue)}${issue.message}`)
  if (issues.length > MAX_REASONS) reasons.push(`and ${issues.length - MAX_REASONS} more`)
  const message = `The data of the event ${details.type} is invalid: ${reasons.join('; ')}`
  return new TopicError('invalid-data', message, { details, issues, cause })
}

function pathOf({ path = [] }: StandardSchemaV1.Issue): string {
  const names = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment))
  return names.length === 0 ? '' : `${names.join('.')}: `
}
