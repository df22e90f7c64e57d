import { parseDefinition, schemaOf } from './definition.ts'
import type { TopicDefinition } from './definition.ts'
import { TopicError } from './errors.ts'
import { fill } from './pattern.ts'
import type { ParametersOf, TopicOf } from './pattern.ts'
import { textOf } from './publisher.ts'
import type { Publish, Publisher, PublisherOptions } from './publisher.ts'

/** Topics whose events are defined. */
export interface Topics<Definition extends TopicDefinition> {
  readonly definition: Definition
  /**
   * The topic of a pattern. Each parameter is one segment.
   *
   * @throws TopicError `invalid-parameter` if a value contains `/`, `*` or a control character, is empty, `.` or `..`, or if
   *   the topic is longer than 256 bytes
   */
  topic<Pattern extends keyof Definition & string>(
    pattern: Pattern,
    parameters: ParametersOf<Pattern>,
  ): TopicOf<Pattern>
  /** A function that publishes only what is defined. */
  publisher(hub: Publisher, options?: PublisherOptions): Publish<Definition>
}

/**
 * Defines the events of topics with the schemas of any library that implements https://standardschema.dev. Segments of
 * a pattern that begin with `:` are parameters. No topic may match two patterns.
 *
 * @throws TopicError `invalid-definition`
 */
export function defineTopics<Definition extends TopicDefinition>(definition: Definition): Topics<Definition> {
  const patterns = parseDefinition(definition)
  return {
    definition,
    topic<Pattern extends keyof Definition & string>(pattern: Pattern, parameters: ParametersOf<Pattern>) {
      const parsed = patterns.find((one) => one.pattern === pattern)
      if (parsed !== undefined) return fill(parsed, parameters) as TopicOf<Pattern>
      const details = { pattern }
      throw new TopicError('unknown-topic', 'The pattern is not one of those that are defined.', { details })
    },
    publisher(hub, { validate = false } = {}) {
      return async (topic, type, data, fields) => {
        const schema = schemaOf(definition, patterns, topic, type)
        const text = await textOf(data, validate ? schema : undefined, { topic, type })
        return hub.publish(topic, { ...fields, type, data: text })
      }
    },
  }
}
