import { isPassing, LogError } from '@tailrace/log'
import { keepTrying } from '@tailrace/log/adapter'
import type { CloseReason } from './counters.ts'
import type { Dialect } from './dialect.ts'
import { HubError } from './errors.ts'
import { follow } from './following.ts'
import type { Following, FollowingOptions } from './following.ts'

/** The longest pause between two attempts, in milliseconds. A log that cannot be reached rejects each at once. */
const MAX_PAUSE_MS = 1_000

/** Keeps a hub attached to its log: as soon as the log can be reached, and again after it was replaced. */
export class Follower {
  readonly #options: Omit<FollowingOptions, 'attached' | 'failed'>
  readonly #closing = new AbortController()
  #current: Following | undefined
  /** Resolves when everything that has ended has also come to rest. */
  #ended: Promise<unknown> = Promise.resolve()

  constructor(options: Omit<FollowingOptions, 'attached' | 'failed'>) {
    this.#options = options
  }

  /** Undefined while the hub is attached to no log. */
  get current(): Following | undefined {
    return this.#current
  }

  /** What the hub is attached to. @throws HubError `closed`, or LogError with the reason for which there is nothing */
  require(): Following {
    if (this.#current !== undefined) return this.#current
    if (this.#closing.signal.aborted) throw new HubError('closed', 'The hub is closed.')
    throw this.#options.outage.reason!
  }

  /** Resolves when the hub is attached, or will be once the log can be reached. @throws the reason if it will not */
  async start(): Promise<void> {
    try {
      await this.#attach()
    } catch (error) {
      if (!isPassing(error)) throw error
      this.#attachLater(error)
    }
  }

  /** Ends all streams, and attaches to nothing from now on. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#current?.streams.close()
    this.#end('closed')
    await this.#ended
  }

  #attach(): Promise<void> {
    return follow({
      ...this.#options,
      attached: (found) => {
        if (this.#closing.signal.aborted) void found.end()
        else this.#current = found
      },
      failed: (error) => {
        // What readers have received belongs to a log that is gone.
        this.#end('log-unavailable', (dialect) => dialect.error('log-unavailable'))
        this.#attachLater(error)
      },
    })
  }

  #attachLater(reason: unknown): void {
    const failed = (error: unknown): void => this.#options.outage.begin(toLogError(error))
    failed(reason)
    void keepTrying(() => this.#attach(), { maxPauseMs: MAX_PAUSE_MS, signal: this.#closing.signal, failed })
  }

  #end(reason: CloseReason, lastWords?: (dialect: Dialect) => Uint8Array): void {
    const ended = this.#current
    this.#current = undefined
    if (ended === undefined) return
    this.#ended = Promise.all([this.#ended, ended.end()])
    for (const member of ended.lanes.members()) member.close(reason, lastWords)
  }
}

function toLogError(error: unknown): LogError {
  if (LogError.is(error)) return error
  return new LogError('cannot-open', `The log cannot be used: ${String(error)}`, { cause: error })
}
