import { LogError } from '@tailrace/log'
import type { StoredEvent } from '@tailrace/log'
import { HubError } from '../errors.ts'
import type { StreamFailure } from './failure.ts'
import { stateAfter } from './find.ts'
import type { StreamsOptions } from './options.ts'
import { failedRecord } from './records.ts'

/** Stores the last event of a stream that is not complete. @returns false if the stream already has a last event */
export async function endStream(
  topic: string,
  failure: StreamFailure,
  append: StreamsOptions['append'],
): Promise<boolean> {
  try {
    await append([failedRecord(topic, failure)])
    return true
  } catch (error) {
    if (LogError.is(error) && error.code === 'topic-ended') return false
    throw error
  }
}

/** Why nothing follows in a stream that has ended with this event. */
export function overBy(last: StoredEvent, epoch: string): HubError {
  const { topic } = last
  const found = stateAfter(last, epoch)
  const facts = Object.fromEntries(Object.entries(found).filter(([name]) => name !== 'message'))
  const how = found.state === 'failed' ? `has failed: ${found.message}` : 'has ended.'
  return new HubError('stream-over', `The stream ${topic} ${how}`, { details: { topic, ...facts } })
}
