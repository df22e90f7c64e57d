import { LogError } from './errors.ts'
import type { NewEvent } from './event-log.ts'

/** The event for which a batch cannot be stored. */
export interface Refusal {
  readonly topic: string
  readonly index: number
}

/**
 * Finds what publishes to a topic that has ended, or that its own batch ends. A repeat of an event that was
 * stored before, or that comes before in its batch, is no publish, so a retry of the last event is answered
 * as the first was, and ends nothing again.
 */
export function refusalOf(
  batch: readonly NewEvent[],
  isEnded: (topic: string) => boolean,
  isRepeat: (event: NewEvent) => boolean,
): Refusal | undefined {
  const endedHere = new Set<string>()
  const keysHere = new Set<string>()
  for (const [index, event] of batch.entries()) {
    const { topic, idempotencyKey } = event
    if (idempotencyKey !== undefined) {
      const key = `${topic}\n${idempotencyKey}`
      if (keysHere.has(key) || isRepeat(event)) continue
      keysHere.add(key)
    }
    if (endedHere.has(topic) || isEnded(topic)) return { topic, index }
    if (event.end === true) endedHere.add(topic)
  }
  return undefined
}

export function topicEnded({ topic, index }: Refusal): LogError {
  return new LogError('topic-ended', `The topic ${topic} has ended: nothing can follow its last event.`, {
    details: { topic, index },
  })
}
