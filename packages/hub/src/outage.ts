import { LogError } from '@tailrace/log'
import type { ResolvedHubOptions } from './options.ts'

/** How often an interrupted log is asked for its reason, which may change, in milliseconds. */
const ASK_MS = 1_000

export interface OutageOptions extends Pick<ResolvedHubOptions, 'onError' | 'onInterruption'> {
  /** Rejects with the reason for which the log cannot be used now. */
  probe(): Promise<void>
  /** Makes the streams that could not read try again. */
  retry(): void
  /** Time between a failed read and the retry, in milliseconds. */
  retryMs(): number
}

/** Tracks whether the log can be reached, as reported by its tail, and the failures that follow if it cannot. */
export class Outage {
  readonly #options: OutageOptions
  #reason: LogError | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** Why the log is interrupted. Undefined while it is not. */
  get reason(): LogError | undefined {
    return this.#reason
  }

  /** May be called again with another reason. It is reported if its code differs. */
  begin(reason: LogError): void {
    const isNews = reason.code !== this.#reason?.code
    this.#reason = reason
    if (this.#isStopped) return
    if (isNews) this.#options.onInterruption(reason)
    clearTimeout(this.#asking)
    this.#asking = setTimeout(() => void this.#ask(), ASK_MS)
  }

  /** Does nothing without an interruption. */
  end(): void {
    if (this.#reason === undefined) return
    this.#reason = undefined
    clearTimeout(this.#asking)
    if (!this.#isStopped) this.#options.onInterruption(undefined)
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#retryAfter(0)
  }

  /** Reports a failure, unless it follows from an interruption, which was reported when it began. */
  report(error: unknown): void {
    const { code } = this.#reason ?? {}
    const isKnown =
      code !== undefined && (isUnreachable(error) || (LogError.is(error) && error.code === code))
    if (!this.#isStopped && !isKnown) this.#options.onError(error)
  }

  /** Reports a failed read: once for all streams that wait for the same retry. */
  readFailed(error: unknown): void {
    if (isUnreachable(error) && this.#reason === undefined) {
      if (this.#timer !== undefined) return
      this.#retryAfter(this.#options.retryMs())
    }
    this.report(error)
  }

  /** From now on, nothing is reported or retried. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#asking)
  }

  async #ask(): Promise<void> {
    const known = this.#reason
    const error: unknown = await this.#options.probe().catch((reason: unknown) => reason)
    // Otherwise, it has changed meanwhile.
    if (known !== undefined && known === this.#reason) this.begin(LogError.is(error) ? error : known)
  }

  #retryAfter(ms: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#options.retry()
    }, ms)
  }
}

/** Whether the log must be asked again later, because the engine cannot be reached now. */
export function isUnreachable(error: unknown): boolean {
  return LogError.is(error) && error.code === 'unreachable'
}
