import { networkOf } from '@tailrace/hub'
import { HttpError } from '@tailrace/http'
import type { Admission, ProblemCode, Client } from '@tailrace/http'
import { isLoopback, Budget } from '@tailrace/http/gate'
import { clientAddress } from './client-address.ts'
import type { TrustedProxies } from './client-address.ts'
import { LocalLedger, takeFrom } from './ledger.ts'
import type { Claim, Ledger } from './ledger.ts'
import { Rate } from './rate.ts'
import type { Spending } from './spending.ts'

/** The limits that apply to one client, named after their settings. */
export const CLIENT_LIMITS = [
  'max-streams-per-address',
  'max-streams-per-subject',
  'max-topics',
  'publish-rate',
  'publish-bytes',
] as const
export type ClientLimit = (typeof CLIENT_LIMITS)[number]

/** Limits for one client; 0 means unlimited. */
export interface LimitOptions {
  readonly streamsPerAddress: number
  readonly streamsPerSubject: number
  readonly topicsPerStream: number
  /** Events per second. */
  readonly publishRate: number
  /** Bytes of data per second. */
  readonly publishBytes: number
  readonly proxies: TrustedProxies
  /** Bytes. @defaultValue 64 MiB */
  readonly maxBodyBytes?: number | undefined
  /** Bytes. @defaultValue 64 MiB */
  readonly maxHistoryBytes?: number | undefined
  /** Counts what clients hold. @defaultValue a ledger of its own */
  readonly ledger?: Ledger | undefined
  /** What clients spend at other processes of the hub. @defaultValue there are none */
  readonly spending?: Spending | undefined
}

/** Seconds after which a client that has all its streams open may try to open another one. */
const STREAM_RETRY_S = 5

/** Keeps one client from using what all need. Each refusal names the limit and when to try again. */
export interface Limits {
  addressOf(remote: string | undefined, forwardedFor: string | undefined): string
  /** @throws HttpError `too-many-topics` */
  requireFewTopics(selectors: number): void
  /**
   * Counts a stream until the returned function is called.
   *
   * @throws HttpError `too-many-connections` or `too-many-topics`
   */
  openStream(client: Client, selectors: number): Admission
  /**
   * Counts a request for a page of history until the returned function is called. @throws HttpError
   * `too-many-connections`
   */
  openPage(client: Client): Admission
  /**
   * @throws HttpError `too-many-publishes`, with `Retry-After`, while the client has spent more than it has earned;
   * `batch-too-large` for several events that exceed what it earns in one second
   */
  requireRate(client: Client, events?: number, bytes?: number): void
  /** Charges a publish, even one that was refused after it was read. */
  charge(client: Client, events: number, bytes: number): void
  readonly bodies: Budget
  readonly pages: Budget
}

export function createLimits(options: LimitOptions): Limits {
  const { proxies, topicsPerStream, ledger = new LocalLedger(), spending } = options
  const events = new Rate(options.publishRate)
  const bytes = new Rate(options.publishBytes)

  function spend(key: string, count: number, size: number): void {
    events.spend(key, count)
    bytes.spend(key, size)
  }
  spending?.onSpent(spend)

  function hold(client: Client, what: 'streams' | 'history requests'): Admission {
    const claims = claimsOf(client, what, options)
    return claims.length === 0 ? releaseNothing : takeFrom(ledger, claims, tooMany)
  }

  function requireFewTopics(selectors: number): void {
    if (topicsPerStream === 0 || selectors <= topicsPerStream) return
    throw beyond(
      'max-topics',
      'too-many-topics',
      `A stream can have at most ${topicsPerStream} topics: select fewer, use a pattern, or raise --max-topics.`,
    )
  }

  return {
    requireFewTopics,
    addressOf: (remote, forwardedFor) => clientAddress(remote, forwardedFor, proxies),

    openStream(client, selectors) {
      requireFewTopics(selectors)
      return hold(client, 'streams')
    },

    openPage: (client) => hold(client, 'history requests'),

    requireRate(client, count = 0, size = 0) {
      if (count > 1) {
        requireWithinASecond('publish-rate', options.publishRate, count, 'events')
        requireWithinASecond('publish-bytes', options.publishBytes, size, 'bytes')
      }
      const key = keyOf(client)
      const waits = { 'publish-rate': events.waitMs(key), 'publish-bytes': bytes.waitMs(key) }
      const limit = waits['publish-bytes'] > waits['publish-rate'] ? 'publish-bytes' : 'publish-rate'
      if (waits[limit] > 0) {
        const seconds = Math.ceil(waits[limit] / 1000)
        const message = `This exceeds --${limit}, and nothing was published: try again in ${seconds} s.`
        throw beyond(limit, 'too-many-publishes', message, seconds)
      }
    },

    charge(client, count, size) {
      if (options.publishRate === 0 && options.publishBytes === 0) return
      const key = keyOf(client)
      spend(key, count, size)
      spending?.report(key, count, size)
    },

    bodies: new Budget('max-bodies', options.maxBodyBytes),
    pages: new Budget('max-history', options.maxHistoryBytes),
  }
}

/** For a client without limits. One for all, since each stream keeps it. */
function releaseNothing(): void {}

/** A claim, and what is said if it exceeds its bound. */
interface LimitedClaim extends Claim {
  readonly limit: ClientLimit
  readonly what: string
}

function claimsOf(
  { address, subject }: Client,
  what: string,
  { streamsPerAddress, streamsPerSubject }: LimitOptions,
): LimitedClaim[] {
  const claims: LimitedClaim[] = []
  // Proxies on this machine may not say for whom they forward.
  if (streamsPerAddress > 0 && !isLoopback(address)) {
    claims.push({
      key: `${what} of address ${networkOf(address)}`,
      max: streamsPerAddress,
      limit: 'max-streams-per-address',
      what: `${what} from this address`,
    })
  }
  if (streamsPerSubject > 0 && subject !== undefined) {
    claims.push({
      key: `${what} of subject ${subject}`,
      max: streamsPerSubject,
      limit: 'max-streams-per-subject',
      what: `${what} of this subject`,
    })
  }
  return claims
}

function keyOf({ address, subject }: Client): string {
  return subject === undefined ? `address ${networkOf(address)}` : `subject ${subject}`
}

/** A single event may exceed what is earned in one second, and the rest is then owed. A batch can be split. */
function requireWithinASecond(limit: ClientLimit, perSecond: number, wanted: number, unit: string): void {
  if (perSecond === 0 || wanted <= perSecond) return
  const message = `The batch has ${wanted} ${unit}, but --${limit} allows ${perSecond} per second: split it.`
  throw beyond(limit, 'batch-too-large', message)
}

function tooMany({ limit, what }: LimitedClaim): HttpError {
  const message = `Too many ${what} are open (--${limit}): close one, or try again later.`
  return beyond(limit, 'too-many-connections', message, STREAM_RETRY_S)
}

function beyond(limit: ClientLimit, code: ProblemCode, message: string, retryAfterS?: number): HttpError {
  const headers = retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) }
  return new HttpError(code, message, { details: { limit }, headers })
}
