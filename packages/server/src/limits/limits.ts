import type { Identity } from '../auth/identity.ts'
import { isLoopback } from '../auth/origins.ts'
import { HttpError } from '../http/problem.ts'
import type { HttpErrorCode } from '../http/problem.ts'
import { clientAddress } from './client-address.ts'
import type { TrustedProxies } from './client-address.ts'
import { Quota } from './quota.ts'
import { Rate } from './rate.ts'

/** The limits of one client, by the settings that set them. */
export const CLIENT_LIMITS = [
  'max-streams-per-address',
  'max-streams-per-subject',
  'max-topics',
  'publish-rate',
  'publish-bytes',
] as const
export type ClientLimit = (typeof CLIENT_LIMITS)[number]

/** Bounds on what one client may have; 0 sets none. */
export interface LimitOptions {
  readonly streamsPerAddress: number
  readonly streamsPerSubject: number
  readonly topicsPerStream: number
  /** Events a second. */
  readonly publishRate: number
  /** Bytes of data a second. */
  readonly publishBytes: number
  readonly proxies: TrustedProxies
}

/** When somebody who has all their streams open may try for another one, in seconds. */
const STREAM_RETRY_S = 5

/** Where a request comes from, and whose it is. */
export interface Client {
  readonly address: string
  readonly identity: Identity
}

/** Keeps one client from taking what all need. Each refusal says which limit it met, and when to come back. */
export interface Limits {
  addressOf(remote: string | undefined, forwardedFor: string | undefined): string
  /** @throws HttpError `too-many-topics` */
  requireFewTopics(selectors: number): void
  /**
   * Counts a stream until what it returns is called.
   *
   * @throws HttpError `too-many-connections` or `too-many-topics`
   */
  openStream(client: Client, selectors: number): () => void
  /** @throws HttpError `too-many-publishes`, with `Retry-After` */
  publish(client: Client, events: number, bytes: number): void
}

export function createLimits(options: LimitOptions): Limits {
  const { proxies, topicsPerStream } = options
  const byAddress = new Quota(options.streamsPerAddress)
  const bySubject = new Quota(options.streamsPerSubject)
  const events = new Rate(options.publishRate)
  const bytes = new Rate(options.publishBytes)

  function requireFewTopics(selectors: number): void {
    if (topicsPerStream === 0 || selectors <= topicsPerStream) return
    throw beyond('max-topics', 'too-many-topics', `At most ${topicsPerStream} topics fit on one stream here.`)
  }

  return {
    requireFewTopics,
    addressOf: (remote, forwardedFor) => clientAddress(remote, forwardedFor, proxies),

    openStream({ address, identity: { subject } }, selectors) {
      requireFewTopics(selectors)
      // Of this machine are proxies that say nothing of whom they speak for.
      const releaseAddress = isLoopback(address) ? () => undefined : byAddress.take(address)
      if (releaseAddress === undefined) throw tooMany('max-streams-per-address', 'of this address')
      if (subject === undefined) return releaseAddress
      const releaseSubject = bySubject.take(subject)
      if (releaseSubject === undefined) {
        releaseAddress()
        throw tooMany('max-streams-per-subject', 'of this subject')
      }
      return () => {
        releaseAddress()
        releaseSubject()
      }
    },

    publish({ address, identity: { subject } }, count, size) {
      const key = subject === undefined ? `address ${address}` : `subject ${subject}`
      const waits = { 'publish-rate': events.waitMs(key), 'publish-bytes': bytes.waitMs(key) }
      const limit = waits['publish-bytes'] > waits['publish-rate'] ? 'publish-bytes' : 'publish-rate'
      if (waits[limit] > 0) {
        const seconds = Math.ceil(waits[limit] / 1000)
        const message = `Publish less: nothing of this was published, try again in ${seconds} s.`
        throw beyond(limit, 'too-many-publishes', message, seconds)
      }
      events.spend(key, count)
      bytes.spend(key, size)
    },
  }
}

function tooMany(limit: ClientLimit, whose: string): HttpError {
  const message = `Too many streams ${whose} are open: close one, or come back later.`
  return beyond(limit, 'too-many-connections', message, STREAM_RETRY_S)
}

function beyond(limit: ClientLimit, code: HttpErrorCode, message: string, retryAfterS?: number): HttpError {
  const headers = retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) }
  return new HttpError(code, message, { limit }, headers)
}
