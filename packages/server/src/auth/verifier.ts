import { errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { HttpError } from '../http/problem.ts'
import type { Identity } from './identity.ts'
import type { Keys } from './keys.ts'
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
    const { sub, exp } = payload
    // Limits are per subject: a list or an object would be another one in each token.
    if (sub !== undefined && typeof sub !== 'string') throw invalid('The token has a `sub` that is no text.')
    const expiresAt = expiryOf(exp, leewayMs)
    // `jwtVerify` counts in whole seconds: what it still takes may be past an end within this one.
    if (expiresAt !== undefined && expiresAt <= Date.now()) throw expired()
    return { by: 'token', subject: sub, rights, expiresAt }
  }
}

/** JSON numbers reach further than times do: what is no time when counted in milliseconds never comes. */
function expiryOf(exp: number | undefined, leewayMs: number): number | undefined {
  const expiresAt = exp === undefined ? Infinity : exp * 1000 + leewayMs
  return expiresAt === Infinity ? undefined : expiresAt
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
  return new HttpError('token-expired', 'The token has expired: get a new one.', {}, CHALLENGE)
}

function invalid(message: string): HttpError {
  return new HttpError('invalid-token', message, {}, CHALLENGE)
}
