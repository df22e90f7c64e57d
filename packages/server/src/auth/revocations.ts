import { hash } from 'node:crypto'
import { capabilityOf, LogError } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { HttpError } from '@tailrace/http'
import type { Revoked } from '@tailrace/http/gate'
import type { Identity } from './identity.ts'

/** Maximum number of revocations in force, about 15 MiB. */
const MAX_REVOCATIONS = 100_000
/**
 * How long tokens of a revoked subject, and a revoked token that never expires, are refused. Only the end of
 * that time is stored, and the time of the revocation is derived from it, so this value must not change between
 * versions.
 */
const REVOCATION_MS = 30 * 24 * 60 * 60 * 1000
/** Number of revocations read at a time. */
const PAGE = 1_000
/** How the notes of revocations begin. */
export const REVOKED = 'revoked/'
/** How long a node may decide by the revocations that it has read, in milliseconds. */
const MAX_AGE_MS = 60_000

/** What is known about the holder of some rights. */
type Holder = Pick<Identity, 'credential' | 'subject'>

/** The tokens, tickets and subjects whose rights were revoked. */
export interface Revocations {
  /** @throws LogError `unreachable` unless they were read within the last minute */
  isRevoked(identity: Pick<Identity, 'credential' | 'subject' | 'issuedAt'>): boolean
  /**
   * Resolves when the revocation would survive the death of the machine.
   *
   * @throws HttpError `too-many-revocations`, LogError if the log cannot be written
   */
  revoke(revoked: Revoked): Promise<void>
  /**
   * Reads the revocations of all nodes. Resolves with a test for holders whose rights were revoked on another node
   * since the last time, or with undefined if none were.
   *
   * @throws LogError if they cannot be read
   */
  refresh(): Promise<((holder: Holder) => boolean) | undefined>
  /** Reads them if they have not been read within the last minute. @throws as `refresh` */
  requireCurrent(): Promise<void>
}

/**
 * The revocations are stored in the log, where other nodes find them, and held in memory, so that no request waits
 * for the log.
 *
 * @param now - the wall clock, in milliseconds
 */
export function createRevocations(log: EventLog, now: () => number = Date.now): Revocations {
  /** When each revocation ends, in milliseconds since the epoch. */
  const untilByKey = new Map<string, number>()
  let readAt = -Infinity
  let reading: Promise<void> | undefined
  /** The keys that other nodes revoked, or revoked again, since the last `refresh`. */
  let news = new Set<string>()

  function isCurrent(): boolean {
    return log.shared === undefined || performance.now() - readAt < MAX_AGE_MS
  }

  async function read(): Promise<void> {
    const beganAt = performance.now()
    const time = now()
    for (let after = ''; log.shared !== undefined;) {
      const page = await log.shared.notes({ prefix: REVOKED, after, limit: PAGE })
      for (const { key, until } of page) {
        // By the clock of the log, one that is over may not be.
        if (until <= Math.max(time, untilByKey.get(key) ?? 0)) continue
        untilByKey.set(key, until)
        news.add(key)
      }
      if (page.length < PAGE) break
      after = page.at(-1)!.key
    }
    forgetExpired()
    readAt = beganAt
  }

  function readOnce(): Promise<void> {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }

  function isInForce(key: string): boolean {
    return (untilByKey.get(key) ?? 0) > now()
  }

  function forgetExpired(): void {
    const time = now()
    for (const [key, until] of untilByKey) if (until <= time) untilByKey.delete(key)
  }

  return {
    async refresh() {
      await readOnce()
      if (news.size === 0) return undefined
      const keys = news
      news = new Set()
      return (holder) => keysOf(holder).some((key) => keys.has(key))
    },

    async requireCurrent() {
      if (!isCurrent()) await readOnce()
    },

    isRevoked({ credential, subject, issuedAt }) {
      if (credential === undefined && subject === undefined) return false
      if (!isCurrent()) {
        throw new LogError(
          'unreachable',
          'The revocations have not been read for a minute, so nobody is let in.',
        )
      }
      if (untilByKey.size === 0) return false
      if (keysOf({ credential, subject: undefined }).some(isInForce)) return true
      if (subject === undefined) return false
      const key = keyOfSubject(subject)
      // A token that does not say when it was issued may be older than the revocation.
      return isInForce(key) && (issuedAt ?? -Infinity) <= untilByKey.get(key)! - REVOCATION_MS
    },

    async revoke(revoked) {
      const isSubject = 'subject' in revoked
      const key = isSubject ? keyOfSubject(revoked.subject) : keyOfCredential(revoked.credential)
      const longest = now() + REVOCATION_MS
      const until = isSubject ? longest : (revoked.expiresAt ?? longest)
      if (untilByKey.size >= MAX_REVOCATIONS) forgetExpired()
      if (untilByKey.size >= MAX_REVOCATIONS && !untilByKey.has(key)) throw tooMany()
      await capabilityOf(log, 'shared').note({ key, until })
      untilByKey.set(key, Math.max(until, untilByKey.get(key) ?? 0))
    },
  }
}

/** The response to a revoked token or ticket. After a 401, an `EventSource` does not reconnect. */
export function revokedError(): HttpError {
  return new HttpError('revoked', 'Access was revoked. A token issued from now on may be accepted.', {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  })
}

/** The keys of all revocations that would concern a holder. A ticket is concerned by a revocation of its token. */
function keysOf({ credential, subject }: Holder): string[] {
  const own = credential === undefined ? [] : [credential, credential.split('.', 1)[0]!].map(keyOfCredential)
  return subject === undefined ? own : [...own, keyOfSubject(subject)]
}

/** Identifies a text in 128 bits. */
export function nameOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}

function keyOfCredential(credential: string): string {
  return `${REVOKED}token/${credential}`
}

function keyOfSubject(subject: string): string {
  return `${REVOKED}subject/${nameOf(subject)}`
}

function tooMany(): HttpError {
  return new HttpError(
    'too-many-revocations',
    `${MAX_REVOCATIONS} revocations are in force, which is the maximum: change the keys to invalidate all tokens at once.`,
    { details: { max: MAX_REVOCATIONS } },
  )
}
