import { hash } from 'node:crypto'
import { capabilityOf } from '@tailrace/log'
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
/** Number of revocations read at a time when a hub starts. */
const PAGE = 1_000
const PREFIX = 'revoked/'

/** The tokens, tickets and subjects whose rights were revoked. */
export interface Revocations {
  isRevoked(identity: Identity): boolean
  /**
   * Resolves when the revocation would survive the death of the machine.
   *
   * @throws HttpError `too-many-revocations`, LogError if the log cannot be written
   */
  revoke(revoked: Revoked): Promise<void>
}

/**
 * Loads the revocations. They are stored in the log, where other nodes find them, and held in memory, so that
 * no request waits for a disk.
 *
 * @param now - the wall clock, in milliseconds
 */
export async function loadRevocations(log: EventLog, now: () => number = Date.now): Promise<Revocations> {
  /** When each revocation ends, in milliseconds since the epoch. */
  const untilByKey = new Map<string, number>()
  for (let after = ''; log.shared !== undefined;) {
    const page = await log.shared.notes({ prefix: PREFIX, after, limit: PAGE })
    for (const { key, until } of page) untilByKey.set(key, until)
    if (page.length < PAGE) break
    after = page.at(-1)!.key
  }

  function isInForce(key: string): boolean {
    return (untilByKey.get(key) ?? 0) > now()
  }

  function forgetExpired(): void {
    const time = now()
    for (const [key, until] of untilByKey) if (until <= time) untilByKey.delete(key)
  }

  return {
    isRevoked({ credential, subject, issuedAt }) {
      if (untilByKey.size === 0) return false
      if (credential !== undefined) {
        const [token = ''] = credential.split('.', 1)
        if (isInForce(keyOfCredential(credential)) || isInForce(keyOfCredential(token))) return true
      }
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

/** Identifies a text in 128 bits. */
export function nameOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}

function keyOfCredential(credential: string): string {
  return `${PREFIX}token/${credential}`
}

function keyOfSubject(subject: string): string {
  return `${PREFIX}subject/${nameOf(subject)}`
}

function tooMany(): HttpError {
  return new HttpError(
    'too-many-revocations',
    `${MAX_REVOCATIONS} revocations are in force, which is the maximum: change the keys to invalidate all tokens at once.`,
    { details: { max: MAX_REVOCATIONS } },
  )
}
