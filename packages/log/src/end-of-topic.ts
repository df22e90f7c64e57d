import { LogError } from './errors.ts'
import type { NewEvent } from './event-log.ts'

/** The event because of which a batch cannot be stored. */
export interface Refusal {
  readonly topic: string
  readonly index: number
}

/**
 * Finds an event that would be published to a topic that has ended, or that an earlier event of its own batch ends.
 * A repeat of an event that was stored before, or that is earlier in the batch, is not a publish. So a retry of the
 * last event receives the first response again, and ends nothing a second time.
 */
export function refusalOf(
  batch: readonly NewEvent[],
  isEnded: (topic: string) => boolean,
  isRepeat: (event: NewEvent) => boolean,
): Refusal | undefined {
  // Most batches need neither.
  let endedHere: Set<string> | undefined
  let keysHere: Set<string> | undefined
  for (const [index, event] of batch.entries()) {
    const { topic, idempotencyKey } = event
    if (idempotencyKey !== undefined) {
      const key = `${topic}\n${idempotencyKey}`
      if (keysHere?.has(key) === true || isRepeat(event)) continue
      keysHere = (keysHere ?? new Set()).add(key)
    }
    if (endedHere?.has(topic) === true || isEnded(topic)) return { topic, index }
    if (event.end === true) endedHere = (endedHere ?? new Set()).add(topic)
  }
  return undefined
}

/** The error for an event that follows the last one of its topic. */
export function topicEnded({ topic, index }: Refusal): LogError {
  return new LogError('topic-ended', `The topic ${topic} has ended: nothing can follow its last event.`, {
    details: { topic, index },
  })
}
