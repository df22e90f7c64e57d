import { DEFAULT_MAX_BUFFER_LENGTH, MAX_RETRY_MS } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import type { Decode } from './payload.ts'
import type { RequestParts } from './request.ts'
import type { Share, SharedFeed } from './share.ts'
import type { Decision } from './step.ts'

/** What `localStorage` and `sessionStorage` are. */
export interface Storage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Bounds and times, each a number of at least 0. What a timer cannot hold is clamped to 2^31 - 1. */
export interface SubscribeLimits {
  /**
   * The bound of the random delay before the first reconnection, in milliseconds. It doubles with each failure.
   * The server's `retry:` is waited for in addition.
   *
   * @defaultValue 1,000
   */
  readonly initialDelayMs?: number | undefined
  /** The largest bound of the random delay, in milliseconds. @defaultValue 30,000 */
  readonly maxDelayMs?: number | undefined
  /**
   * A connection that holds for so long starts the delay over even if it delivers nothing, and may refresh a refused
   * token at once again. Milliseconds.
   *
   * @defaultValue 5,000
   */
  readonly stableAfterMs?: number | undefined
  /** The longest until a stream has begun, in milliseconds. @defaultValue 15,000 */
  readonly openTimeoutMs?: number | undefined
  /**
   * The longest that an open stream may send nothing, not even a comment, in milliseconds; 0 is for ever. After it the
   * connection is taken for dead (`silent`).
   *
   * @defaultValue twice the heartbeat that a hub announces. Until then, and for other servers, 60,000 with `GET`: the
   * specification advises servers to send a comment every 15 seconds. 0 with other methods, whose requests should
   * not be repeated on a guess
   */
  readonly readTimeoutMs?: number | undefined
  /** When so many items wait for whoever iterates, nothing more is read. At least 1. @defaultValue 1,000 */
  readonly maxQueuedEvents?: number | undefined
  /** Characters of one event: an integer from 1 to 268,435,456. @defaultValue 67,108,864 */
  readonly maxEventLength?: number | undefined
}

/**
 * `method` is `GET` by default. `body` is sent again with each attempt, so it cannot be a stream, and there is none with
 * `GET` or `HEAD`.
 */
export interface SubscribeOptions extends SubscribeLimits, RequestParts {
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined
  /** The place to start from. It wins over what `store` holds. */
  readonly lastEventId?: string | undefined
  /** Keeps the place over page loads, such as `localStorage`, under the URL. */
  readonly store?: Storage | undefined
  /** Makes `data` of the text: `json`, `validated(schemas)`, or a function. @defaultValue the text */
  readonly decode?: Decode | undefined
  /** Decides about a failure: `retry`, `stop`, or a delay in milliseconds; nothing leaves it to the rules. */
  readonly onError?: ((error: ClientError) => Decision) | undefined
  /** Called with each comment. */
  readonly onComment?: ((text: string) => void) | undefined
  /**
   * Reads by long-polling while something on the way holds streams up. Only with `GET`, from a Tailrace hub, and
   * where the URL asks for nothing that only a stream has: `snapshot`, `gap`, `envelope`, `conflate`.
   *
   * @defaultValue true
   */
  readonly fallback?: boolean | undefined
  /**
   * `tabs`: one connection for all tabs and workers of the origin that subscribe to the same URL, where the browser has
   * Web Locks (on `https:` and `localhost`) and BroadcastChannel; elsewhere each connects. Only with `GET`, and
   * for one user at a time: all get what the first one's headers and cookies open.
   *
   * @defaultValue none: a connection of its own
   */
  readonly share?: ((feed: SharedFeed) => Share | undefined) | undefined
}

/** The largest event that can be allowed: what the decoder can hold. */
const MAX_EVENT_LENGTH = 2 ** 28

/** Of each bound and time, the default and the least. */
const LIMITS: Readonly<Record<keyof SubscribeLimits, readonly [fallback: number, least: number]>> = {
  initialDelayMs: [1_000, 0],
  maxDelayMs: [30_000, 0],
  stableAfterMs: [5_000, 0],
  openTimeoutMs: [15_000, 0],
  readTimeoutMs: [60_000, 0],
  maxQueuedEvents: [1_000, 1],
  maxEventLength: [DEFAULT_MAX_BUFFER_LENGTH, 1],
}

const OTHERS: Readonly<Record<Exclude<keyof SubscribeOptions, keyof SubscribeLimits>, 1>> = {
  method: 1,
  body: 1,
  headers: 1,
  credentials: 1,
  signal: 1,
  lastEventId: 1,
  store: 1,
  decode: 1,
  onError: 1,
  onComment: 1,
  fallback: 1,
  share: 1,
  fetch: 1,
}

export type ResolvedOptions = Omit<SubscribeOptions, keyof SubscribeLimits> &
  Readonly<Record<keyof SubscribeLimits, number>> & {
    readonly url: string
    readonly method: string
    /** The caller has set `readTimeoutMs`, so what a hub announces does not count. */
    readonly hasReadTimeout: boolean
  }

/** Fills in defaults. @throws ClientError `invalid-option` */
export function resolveOptions(given: string, options: SubscribeOptions): ResolvedOptions {
  for (const name in options) check(name in LIMITS || name in OTHERS, name, 'is not an option')
  const { method: asked = 'GET', body, share } = options
  // As `fetch` takes them: in any case, and without a body.
  const isBare = /^(get|head)$/i.test(asked)
  const method = isBare ? asked.toUpperCase() : asked
  const limits = {} as Record<keyof SubscribeLimits, number>
  for (const name of Object.keys(LIMITS) as (keyof SubscribeLimits)[]) {
    const [fallback, least] = LIMITS[name]
    // A request that should not be repeated on a guess is never taken for dead.
    const value = options[name] ?? (isBare || name !== 'readTimeoutMs' ? fallback : 0)
    check(value >= least, name, `must be at least ${least}`)
    limits[name] = Math.min(value, MAX_RETRY_MS)
  }
  const { maxEventLength: length } = limits
  check(
    Number.isInteger(length) && length <= MAX_EVENT_LENGTH,
    'maxEventLength',
    'must be an integer up to 2^28',
  )
  check(!isBare || body === undefined, 'body', `cannot be sent with ${method}`)
  check(!(body instanceof ReadableStream), 'body', 'cannot be a stream')
  check(share === undefined || method === 'GET', 'share', 'needs GET')
  const base = globalThis.document?.baseURI ?? globalThis.location?.href
  check(URL.canParse(given, base), 'url', `is not a URL: ${given}`)
  return {
    ...options,
    ...limits,
    method,
    hasReadTimeout: options.readTimeoutMs !== undefined,
    url: new URL(given, base).href,
  }
}

function check(isSo: boolean, option: string, rule: string): void {
  if (!isSo) throw new ClientError('invalid-option', `${option} ${rule}`, { details: { option } })
}
