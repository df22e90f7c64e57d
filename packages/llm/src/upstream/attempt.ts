import { RelayError } from '../errors.ts'

/** How long an API may be silent: as long as `fetch` of Node waits for it. */
export const DEFAULT_IDLE_MS = 300_000
/** How long an answer may take. */
export const DEFAULT_MAX_MS = 3_600_000

/** Beyond this, timers fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** How long an answer may take. */
export interface AttemptBounds {
  /**
   * How long the API may send nothing, in milliseconds, from 1 to 2^31 - 1. Comments count as something.
   *
   * @defaultValue {@link DEFAULT_IDLE_MS}
   */
  readonly idleMs?: number | undefined
  /** How long the answer may take altogether, likewise. @defaultValue {@link DEFAULT_MAX_MS} */
  readonly maxMs?: number | undefined
}

/** Fills in defaults. @throws RangeError that names the bound */
export function resolveBounds({
  idleMs = DEFAULT_IDLE_MS,
  maxMs = DEFAULT_MAX_MS,
}: AttemptBounds): Required<AttemptBounds> {
  for (const [name, value] of Object.entries({ idleMs, maxMs })) {
    if (value >= 1 && value <= MAX_TIMER_MS) continue
    throw new RangeError(`\`${name}\` must be a number from 1 to ${MAX_TIMER_MS}, got ${String(value)}`)
  }
  return { idleMs, maxMs }
}

/** One request to an API. Its signal is aborted with that of the stream, or when a bound is reached. */
export class Attempt {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #bounds: Required<AttemptBounds>
  readonly #timer: ReturnType<typeof setTimeout>
  readonly #stopFollowing: () => void

  constructor(stream: AbortSignal, bounds: Required<AttemptBounds>) {
    this.signal = this.#controller.signal
    this.#bounds = bounds
    const { maxMs } = bounds
    this.#timer = setTimeout(() => this.#giveUp(`The answer was not complete after ${maxMs} ms.`), maxMs)
    const follow = (): void => this.#controller.abort(stream.reason)
    stream.addEventListener('abort', follow)
    if (stream.aborted) follow()
    this.#stopFollowing = () => stream.removeEventListener('abort', follow)
  }

  /** Awaits something from the API. If it takes too long, the signal is aborted, which must settle it. */
  async wait<T>(step: Promise<T>): Promise<T> {
    const { idleMs } = this.#bounds
    const timer = setTimeout(() => this.#giveUp(`The API sent nothing for ${idleMs} ms.`), idleMs)
    try {
      return await step
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#stopFollowing()
  }

  #giveUp(message: string): void {
    this.#controller.abort(new RelayError('upstream-truncated', message))
  }
}
