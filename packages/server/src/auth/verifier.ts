import { HttpError } from '@tailrace/http'
import { errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import type { Identity } from './identity.ts'
import type { Keys } from './keys.ts'
import { nameOf } from './revocations.ts'
import { parseRights } from './rights.ts'

export interface VerifierOptions {
  readonly keys: Keys
  /** What `iss` and `aud` must be, where they are given. */
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** How far clocks may be apart, in milliseconds. */
  readonly leewayMs: number
}

/** Says who a token names. @throws HttpError `invalid-token`, `token-expired` or `keys-unavailable` */
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
    // Limits are per subject: a list or an object would be another one in each token.
    if (sub !== undefined && typeof sub !== 'string') throw invalid('The token has a `sub` that is no text.')
    const expiresAt = expiryOf(exp, leewayMs)
    // `jwtVerify` counts in whole seconds: what it still takes may be past an end within this one.
    if (expiresAt !== undefined && expiresAt <= Date.now()) throw expired()
    // Without the signature, of which base64 and elliptic curves know several spellings.
    const credential = nameOf(token.slice(0, token.lastIndexOf('.')))
    return { by: 'token', subject: sub, rights, expiresAt, issuedAt: issueOf(iat, leewayMs), credential }
  }
}

/** The latest time that there is, in milliseconds of the epoch (ECMA-262, section 21.4.1.1). */
const END_OF_TIME = 8.64e15

/** JSON numbers reach further than times do: what lies behind the last time never comes. */
function expiryOf(exp: number | undefined, leewayMs: number): number | undefined {
  const expiresAt = Math.floor((exp ?? Infinity) * 1000 + leewayMs)
  return expiresAt > END_OF_TIME ? undefined : expiresAt
}

/** A token of the future, such as one whose issuer counts in milliseconds, would outlive every revocation. */
function issueOf(iat: unknown, leewayMs: number): number | undefined {
  if (typeof iat !== 'number') return undefined
  const issuedAt = Math.floor(iat * 1000)
  return issuedAt > Date.now() + leewayMs ? undefined : issuedAt
}

const CHALLENGE = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }

function refusalOf(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return expired()
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid(`The token has a \`${error.claim}\` that is missing or not as it must be.`)
  }
  const isOutage =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    (error instanceof errors.JOSEError ? error.code === 'ERR_JOSE_GENERIC' : error instanceof TypeError)
  if (isOutage) {
    return new HttpError(
      'keys-unavailable',
      'The keys that tokens are verified with cannot be had: try again later.',
    )
  }
  return invalid('The token is no JWT that was signed for this hub.')
}

function expired(): HttpError {
  return new HttpError('token-expired', 'The token has expired: get a new one.', { headers: CHALLENGE })
}

function invalid(message: string): HttpError {
  return new HttpError('invalid-token', message, { headers: CHALLENGE })
}
