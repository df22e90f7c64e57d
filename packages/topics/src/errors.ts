import type { StandardSchemaV1 } from '@standard-schema/spec'

/**
 * - `invalid-definition`: a pattern or an event type of the definition is invalid, or a topic could match two patterns.
 * - `invalid-parameter`: the value of a parameter is not one valid segment of a topic.
 * - `unknown-topic`, `unknown-type`: the definition does not contain them.
 * - `invalid-data`: the data does not match its schema, or is not a JSON value. Nothing was published.
 * - `no-json-schema`: a schema cannot be expressed in JSON Schema.
 */
export type TopicErrorCode =
  | 'invalid-definition'
  | 'invalid-parameter'
  | 'unknown-topic'
  | 'unknown-type'
  | 'invalid-data'
  | 'no-json-schema'

/** Facts that go with a {@link TopicError}, and its cause. */
export interface TopicErrorInit extends ErrorOptions {
  readonly details?: Readonly<Record<string, string>> | undefined
  readonly issues?: readonly StandardSchemaV1.Issue[] | undefined
}

const brand: unique symbol = Symbol.for('@tailrace/topics.TopicError')

/** Thrown, or rejected with, by every function of this package. Branch on `code`, never on `message`. */
export class TopicError extends Error {
  override readonly name = 'TopicError'
  readonly code: TopicErrorCode
  /** The pattern, topic, type or parameter concerned. */
  readonly details: Readonly<Record<string, string>>
  /** With `invalid-data`, what the schema reported. */
  readonly issues: readonly StandardSchemaV1.Issue[]

  constructor(code: TopicErrorCode, message: string, init: TopicErrorInit = {}) {
    super(message, init)
    this.code = code
    this.details = init.details ?? {}
    this.issues = init.issues ?? []
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for a `TopicError` from any copy of this package in the process. */
  static is(value: unknown): value is TopicError {
    return value instanceof Error && brand in value
  }
}
