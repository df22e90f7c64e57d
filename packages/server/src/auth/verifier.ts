import { HttpError } from '@tailrace/http'
import * as errors from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import type { Identity } from './identity.ts'
import type { Keys } from './keys.ts'
import { nameOf } from './revocations.ts'
import { parseRights } from './rights.ts'

export interface VerifierOptions {
  readonly keys: Keys
  /** Required values of `iss` and `aud`, if configured. */
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** Tolerated clock skew, in milliseconds. */
  readonly leewayMs: number
}

/**
 * Verifies a token and returns its identity. @throws HttpError `invalid-token`, `token-expired` or
 * `keys-unavailable`
 */
export type Verifier = (token: string) => Promise<Identity>

export function createVerifier({ keys, issuer, audience, leewayMs }: VerifierOptions): Verifier {
  const options: JWTVerifyOptions = {
    algorithms: [...keys.algorithms],
    clockTolerance: leewayMs / 1000,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  }
  return async (token) => {
    let payload: JWTPayload
    try {
      ;({ payload } = await jwtVerify(token, keys.key as JWTVerifyGetKey, options))
    } catch (error) {
      throw refusalOf(error)
    }
    const rights = parseRights(payload['tailrace'])
    if (typeof rights === 'string') throw invalid(`The token ${rights}.`)
    const { sub, exp, iat } = payload
    // Limits apply per subject: a list or an object would count as a new one with each token.
    if (sub !== undefined && typeof sub !== 'string')
      throw invalid('The token has a `sub` claim that is not a string.')
    const expiresAt = expiryOf(exp, leewayMs)
    // `jwtVerify` counts in whole seconds: a token that it still accepts may have expired within the current
    // one.
    if (expiresAt !== undefined && expiresAt <= Date.now()) throw expired()
    // Without the signature, which base64 and elliptic curves allow to be written in several ways.
    const credential = nameOf(token.slice(0, token.lastIndexOf('.')))
    return { by: 'token', subject: sub, rights, expiresAt, issuedAt: issueOf(iat, leewayMs), credential }
  }
}

/** The latest representable time, in milliseconds since the epoch (ECMA-262, section 21.4.1.1). */
const END_OF_TIME = 8.64e15

/** JSON numbers can be larger than any time: a date beyond the latest time is never reached. */
function expiryOf(exp: number | undefined, leewayMs: number): number | undefined {
  const expiresAt = Math.floor((exp ?? Infinity) * 1000 + leewayMs)
  return expiresAt > END_OF_TIME ? undefined : expiresAt
}

/**
 * A token from the future, for example from an issuer that counts in milliseconds, would outlive every
 * revocation.
 */
function issueOf(iat: unknown, leewayMs: number): number | undefined {
  if (typeof iat !== 'number') return undefined
  const issuedAt = Math.floor(iat * 1000)
  return issuedAt > Date.now() + leewayMs ? undefined : issuedAt
}

const CHALLENGE = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }

function refusalOf(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return expired()
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid(`The \`${error.claim}\` claim of the token is missing or not valid for this hub.`)
  }
  const isOutage =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    (error instanceof errors.JOSEError ? error.code === 'ERR_JOSE_GENERIC' : error instanceof TypeError)
  if (isOutage) {
    return new HttpError(
      'keys-unavailable',
      'The keys for verifying tokens are not available: try again later.',
    )
  }
  return invalid('The token is not a JWT signed with a key that this hub accepts.')
}

function expired(): HttpError {
  return new HttpError('token-expired', 'The token has expired: request a new one.', { headers: CHALLENGE })
}

function invalid(message: string): HttpError {
  return new HttpError('invalid-token', message, { headers: CHALLENGE })
}
