import { LogError } from '@tailrace/log'
import type { ResolvedHubOptions } from './options.ts'

export interface OutageOptions extends Pick<ResolvedHubOptions, 'onError' | 'onInterruption'> {
  /** Has the streams that could not read try again. */
  retry(): void
  /** How long after a failed read, in milliseconds. */
  retryMs(): number
}

/** Whether the log can be reached, as its tail says; and the failures that follow when it cannot. */
export class Outage {
  readonly #options: OutageOptions
  #reason: LogError | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** Why the log is interrupted; nothing while it is not. */
  get reason(): LogError | undefined {
    return this.#reason
  }

  begin(reason: LogError): void {
    this.#reason = reason
    this.#options.onInterruption(reason)
  }

  end(): void {
    this.#reason = undefined
    this.#options.onInterruption(undefined)
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#retryAfter(0)
  }

  /** Reports a failure, unless it follows from an interruption, which was reported when it began. */
  report(error: unknown): void {
    const isKnown = this.#reason !== undefined && isUnreachable(error)
    if (!this.#isStopped && !isKnown) this.#options.onError(error)
  }

  /** Reports a failed read, once for all streams that wait for the same retry. */
  readFailed(error: unknown): void {
    if (isUnreachable(error) && this.#reason === undefined) {
      if (this.#timer !== undefined) return
      this.#retryAfter(this.#options.retryMs())
    }
    this.report(error)
  }

  /** Nothing is reported or tried again. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #retryAfter(ms: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#options.retry()
    }, ms)
  }
}

/** The log is to be asked again later: the engine cannot be reached now. */
export function isUnreachable(error: unknown): boolean {
  return LogError.is(error) && error.code === 'unreachable'
}
