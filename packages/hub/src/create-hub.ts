import { openLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { runHub } from './hub.ts'
import type { Hub } from './hub.ts'
import { resolveHubOptions } from './options.ts'
import type { HubOptions } from './options.ts'
import { STREAM_TERMS } from './streams/terms.ts'
import type { StreamTerms } from './streams/terms.ts'

/** What a hub is made of: its log, and its settings. */
export interface CreateHubOptions extends HubOptions {
  /**
   * A log, or the URL of one: `sqlite:FILE`, `memory:`, or that of an engine, such as `redis://localhost:6379`. A log that
   * is opened from its URL is closed with the hub; the opener of any other log must close it.
   */
  readonly log: EventLog | string
}

/**
 * Starts a hub on a log. If the log's engine cannot be reached, the hub starts nevertheless, interrupted, and follows
 * the log as soon as it can. If the log is replaced while the hub runs, its streams end, and it follows the new one.
 *
 * @throws LogError `unsupported` if the log cannot enforce the retention rules, or the reason for which it cannot be used;
 *   RangeError if an option is out of its bounds, or the URL is not that of a log
 */
export function createHub(options: CreateHubOptions): Promise<Hub> {
  return startHub(options, STREAM_TERMS)
}

/** @internal */
export async function startHub(options: CreateHubOptions, streamTerms: StreamTerms): Promise<Hub> {
  const settings = resolveHubOptions(options)
  if (typeof options.log !== 'string') {
    assertLog(options.log)
    return runHub(options.log, settings, streamTerms, async () => undefined)
  }
  const log = await openLog(options.log)
  try {
    return await runHub(log, settings, streamTerms, () => log.close())
  } catch (error) {
    await log.close()
    throw error
  }
}

/** @throws TypeError for what a caller without types may pass, such as the promise of a log */
function assertLog(log: Partial<EventLog> | undefined): void {
  if (typeof log?.append === 'function' && typeof log.tail === 'function') return
  const hint = log instanceof Promise ? ': await the promise of it' : ''
  throw new TypeError(`\`log\` must be an EventLog, or the URL of one as a string${hint}`)
}
