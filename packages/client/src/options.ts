import { DEFAULT_MAX_BUFFER_LENGTH, MAX_RETRY_MS } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import type { Decode } from './payload.ts'
import type { RequestParts } from './request.ts'
import type { Share, SharedFeed } from './share.ts'
import type { Decision } from './step.ts'

/** The part of `localStorage` and `sessionStorage` that is used. */
export interface Storage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Limits and times, each a number of at least 0. Values that a timer cannot hold are clamped to 2^31 - 1. */
export interface SubscribeLimits {
  /**
   * Upper bound of the random delay before the first reconnection, in milliseconds. It doubles with each failure.
   * The server's `retry:` is added to the delay.
   *
   * @defaultValue 1,000
   */
  readonly initialDelayMs?: number | undefined
  /** Maximum of that upper bound, in milliseconds. @defaultValue 30,000 */
  readonly maxDelayMs?: number | undefined
  /**
   * A connection that lasts this long resets the delay even if it delivers nothing, and allows a refused token to be
   * refreshed at once again. In milliseconds.
   *
   * @defaultValue 5,000
   */
  readonly stableAfterMs?: number | undefined
  /** Time within which a stream must begin, in milliseconds. @defaultValue 15,000 */
  readonly openTimeoutMs?: number | undefined
  /**
   * Maximum time that an open stream may send nothing, not even a comment, in milliseconds; 0 means unlimited. After that
   * time, the connection is considered dead (`silent`).
   *
   * @defaultValue twice the heartbeat that a hub announces. Until then, and for other servers, 60,000 with `GET`: the
   * specification advises servers to send a comment every 15 seconds. 0 with other methods, whose requests must not be
   * repeated because of silence alone
   */
  readonly readTimeoutMs?: number | undefined
  /** While this many items are waiting for the loop, nothing more is read. At least 1. @defaultValue 1,000 */
  readonly maxQueuedEvents?: number | undefined
  /** Maximum characters of one event: an integer from 1 to 268,435,456. @defaultValue 67,108,864 */
  readonly maxEventLength?: number | undefined
}

/**
 * `method` is `GET` by default. `body` is sent again with each attempt, so it cannot be a stream. It is not allowed with
 * `GET` or `HEAD`.
 */
export interface SubscribeOptions extends SubscribeLimits, RequestParts {
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined
  /** Position to start from. It takes precedence over `store`. */
  readonly lastEventId?: string | undefined
  /** Keeps the position across page loads under the URL, for example `localStorage`. */
  readonly store?: Storage | undefined
  /** Converts the text of an event to `data`: `json`, `validated(schemas)`, or a function. @defaultValue the text */
  readonly decode?: Decode | undefined
  /** Decides how to handle a failure: `retry`, `stop`, milliseconds to wait, or nothing for the default rules. */
  readonly onError?: ((error: ClientError) => Decision) | undefined
  /** Called with each comment. */
  readonly onComment?: ((text: string) => void) | undefined
  /**
   * Reads by long polling while a proxy buffers streams. Only with `GET`, from a Tailrace hub, and if the URL contains no
   * parameter that only streams support: `snapshot`, `gap`, `envelope`, `conflate`.
   *
   * @defaultValue true
   */
  readonly fallback?: boolean | undefined
  /**
   * `tabs`: one connection for all tabs and workers of the origin that subscribe to the same URL, where the browser has
   * Web Locks (on `https:` and `localhost`) and BroadcastChannel; elsewhere, each uses its own connection. Only with
   * `GET`, and for one user at a time: all receive what the headers and cookies of the connected tab give access to.
   *
   * @defaultValue its own connection
   */
  readonly share?: ((feed: SharedFeed) => Share | undefined) | undefined
}

/** Maximum of `maxEventLength`: the decoder cannot hold more. */
const MAX_EVENT_LENGTH = 2 ** 28

/** Default and minimum of each limit and time. */
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
    /** The caller has set `readTimeoutMs`, so announcements of the hub are ignored. */
    readonly hasReadTimeout: boolean
  }

/** Fills in defaults. @throws ClientError `invalid-option` */
export function resolveOptions(given: string, options: SubscribeOptions): ResolvedOptions {
  for (const name in options) check(name in LIMITS || name in OTHERS, name, 'is not an option')
  const { method: asked = 'GET', body, share } = options
  // As in `fetch`: in upper or lower case, and without a body.
  const isBare = /^(get|head)$/i.test(asked)
  const method = isBare ? asked.toUpperCase() : asked
  const limits = {} as Record<keyof SubscribeLimits, number>
  for (const name of Object.keys(LIMITS) as (keyof SubscribeLimits)[]) {
    const [fallback, least] = LIMITS[name]
    // Only a `GET` or `HEAD` may be repeated because of silence alone.
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
  check(share === undefined || method === 'GET', 'share', 'requires GET')
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
