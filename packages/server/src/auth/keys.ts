import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { JWTVerifyGetKey } from 'jose'
import { createRemoteKeys } from './remote-keys.ts'
import type { RemoteKeysOptions } from './remote-keys.ts'

/** The keys that verify tokens, and the only algorithms accepted. The `alg` of a token cannot select any other. */
export interface Keys {
  readonly key: Uint8Array | KeyObject | JWTVerifyGetKey
  readonly algorithms: readonly string[]
}

/** An HMAC-SHA-256 secret must have at least as many bits as the hash (RFC 7518, section 3.2). */
const MIN_SECRET_BYTES = 32
/** The smallest RSA key accepted for verifying signatures (RFC 7518, section 3.3). */
const MIN_RSA_BITS = 2_048

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const ELLIPTIC: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

/** @throws RangeError if the secret is too short */
export function secretKey(secret: string): Keys {
  const key = new TextEncoder().encode(secret)
  if (key.length < MIN_SECRET_BYTES) {
    throw new RangeError(
      `the token secret has ${key.length} bytes, but at least ${MIN_SECRET_BYTES} are required: generate one with tailrace secret`,
    )
  }
  return { key, algorithms: ['HS256'] }
}

/**
 * Reads a public key or certificate in PEM format. The type of the key determines the algorithms.
 *
 * @throws RangeError if it is not a key that can verify signatures
 */
export function publicKey(pem: string): Keys {
  if (/PRIVATE KEY/.test(pem)) {
    throw new RangeError('the public key for tokens is a private key: give the hub the public key instead')
  }
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    throw new RangeError('the public key for tokens is not a public key or certificate in PEM format')
  }
  return { key, algorithms: algorithmsOf(key) }
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'rsa') {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0
    if (bits >= MIN_RSA_BITS) return RSA
    throw new RangeError(
      `the public key for tokens has ${bits} bits, but RSA requires at least ${MIN_RSA_BITS}`,
    )
  }
  if (asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519']
  const elliptic = ELLIPTIC[asymmetricKeyDetails?.namedCurve ?? '']
  if (asymmetricKeyType === 'ec' && elliptic !== undefined) return [elliptic]
  throw new RangeError(
    `the public key for tokens is of type ${asymmetricKeyType}: use RSA, P-256, P-384, P-521 or Ed25519`,
  )
}

/** The keys that an identity provider publishes at a URL. */
export function remoteKeys(url: string, options?: RemoteKeysOptions): Keys {
  const key = createRemoteKeys(new URL(url), options)
  // Never an HMAC: anyone who knows a public key could sign with it.
  return { key, algorithms: [...RSA, ...Object.values(ELLIPTIC), 'EdDSA', 'Ed25519'] }
}
