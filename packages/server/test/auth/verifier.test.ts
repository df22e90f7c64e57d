import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import type { CryptoKey, JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { publicKey, remoteKeys, secretKey } from '../../src/auth/keys.ts'
import { createVerifier } from '../../src/auth/verifier.ts'
import type { Verifier, VerifierOptions } from '../../src/auth/verifier.ts'

const SECRET = 'a secret of at least thirty-two bytes'
const CLAIM = { publish: ['a'], subscribe: ['a/**'] }

const verifierOf = (options: Partial<VerifierOptions> = {}): Verifier =>
  createVerifier({ keys: secretKey(SECRET), leewayMs: 0, ...options })

const signed = (
  payload: Record<string, unknown>,
  alg = 'HS256',
  key: Uint8Array | CryptoKey = bytes(SECRET),
) => new SignJWT(payload).setProtectedHeader({ alg }).sign(key)

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

const nowS = (): number => Math.floor(Date.now() / 1000)

describe('a token signed with the secret', () => {
  test('says who asks, what they may, and until when', async () => {
    const exp = nowS() + 60
    const iat = nowS() - 60
    const token = await signed({ tailrace: CLAIM, sub: 'ann', exp, iat })
    expect(await verifierOf({ leewayMs: 5_000 })(token)).toEqual({
      by: 'token',
      credential: expect.any(String),
      issuedAt: iat * 1000,
      subject: 'ann',
      rights: { publish: ['a'], subscribe: ['a/**'], isAdmin: false },
      expiresAt: exp * 1000 + 5_000,
    })
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['has expired', { exp: nowS() - 10 }, 'token-expired'],
    ['is not valid yet', { nbf: nowS() + 60 }, 'invalid-token'],
    ['is of another issuer', { iss: 'https://evil' }, 'invalid-token'],
    ['has no issuer', { iss: undefined }, 'invalid-token'],
    ['is for somebody else', { aud: 'other' }, 'invalid-token'],
    ['has no rights', { tailrace: undefined }, 'invalid-token'],
    ['has rights that are none', { tailrace: { subscribe: 'a' } }, 'invalid-token'],
    ['has a text for a time', { exp: 'tomorrow' }, 'invalid-token'],
  ])('that %s is refused', async (_, change, code) => {
    const verify = verifierOf({ issuer: 'https://id', audience: 'hub' })
    const fine = { tailrace: CLAIM, iss: 'https://id', aud: 'hub', exp: nowS() + 60 }
    await expect(verify(await signed(fine))).resolves.toBeDefined()
    await expect(verify(await signed({ ...fine, ...change }))).rejects.toMatchObject({ code })
  })

  test('has expired in the very millisecond that it says', async () => {
    const token = await signed({ tailrace: CLAIM, exp: (Date.now() - 1) / 1000 })
    await expect(verifierOf()(token)).rejects.toMatchObject({ code: 'token-expired' })
  })

  test('does not expire at a time that is none', async () => {
    const token = await signed({ tailrace: CLAIM, exp: 1e306 })
    expect(await verifierOf()(token)).toMatchObject({ expiresAt: undefined })
  })

  test('has its time looked at with some leeway', async () => {
    const token = await signed({ tailrace: CLAIM, exp: nowS() - 10 })
    await expect(verifierOf({ leewayMs: 30_000 })(token)).resolves.toBeDefined()
  })

  test.each(['', 'x', 'a.b.c', '..', 'e30.e30.', `${'a'.repeat(10_000)}.b.c`])(
    'that is no token at all is refused: %s',
    async (token) => {
      await expect(verifierOf()(token)).rejects.toMatchObject({ code: 'invalid-token' })
    },
  )

  test('with another secret, another algorithm or none is refused', async () => {
    const verify = verifierOf()
    const payload = { tailrace: CLAIM }
    const unsigned = new UnsecuredJWT(payload).encode()
    const forged = await signed(payload, 'HS256', bytes('another secret of thirty-two bytes'))
    for (const token of [unsigned, forged, await signed(payload, 'HS512')]) {
      await expect(verify(token)).rejects.toMatchObject({ code: 'invalid-token' })
    }
  })
})

describe('a token signed with a private key', () => {
  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('of %s is verified', async (alg) => {
    const { publicKey: key, privateKey } = await generateKeyPair(alg, { extractable: true })
    const verify = verifierOf({ keys: publicKey(await exportSPKI(key)) })
    await expect(verify(await signed({ tailrace: CLAIM }, alg, privateKey))).resolves.toBeDefined()
  })

  test('is not forged by using the public key as a secret', async () => {
    const { publicKey: key } = await generateKeyPair('RS256', { extractable: true })
    const pem = await exportSPKI(key)
    const verify = verifierOf({ keys: publicKey(pem) })
    const forged = await signed({ tailrace: CLAIM }, 'HS256', bytes(pem))
    await expect(verify(forged)).rejects.toMatchObject({ code: 'invalid-token' })
  })
})

describe('keys that are none are refused when the hub starts', () => {
  test('a secret that can be guessed', () => {
    expect(() => secretKey('secret')).toThrow(/6 bytes/)
  })

  test('a private key, or no key', async () => {
    expect(() => publicKey('-----BEGIN PRIVATE KEY-----')).toThrow(/private/)
    expect(() => publicKey('hello')).toThrow(/PEM/)
  })

  test('an RSA key that no token can be verified with', () => {
    const { publicKey: weak } = generateKeyPairSync('rsa', { modulusLength: 1_024 })
    expect(() => publicKey(weak.export({ type: 'spki', format: 'pem' }).toString())).toThrow(/at least 2048/)
  })
})

describe('the keys of a provider', () => {
  test('are fetched, kept, and fetched again when a new one signs', async () => {
    const keys: JWK[] = []
    let fetches = 0
    const server = createServer((_, response) => {
      fetches += 1
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys }))
    }).listen(0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const rotate = async (kid: string): Promise<() => Promise<string>> => {
      const pair = await generateKeyPair('ES256', { extractable: true })
      keys.push({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' })
      return () =>
        new SignJWT({ tailrace: CLAIM }).setProtectedHeader({ alg: 'ES256', kid }).sign(pair.privateKey)
    }
    try {
      const verify = verifierOf({ keys: remoteKeys(`http://127.0.0.1:${port}/`, { cooldownMs: 0 }) })
      const first = await rotate('one')
      await verify(await first())
      await verify(await first())
      expect(fetches).toBe(1)
      const second = await rotate('two')
      await verify(await second())
      expect(fetches).toBe(2)
      const secret = new SignJWT({ tailrace: CLAIM }).setProtectedHeader({ alg: 'HS256', kid: 'one' })
      await expect(verify(await secret.sign(bytes(SECRET)))).rejects.toMatchObject({ code: 'invalid-token' })
    } finally {
      server.close()
    }
  })

  test('that cannot be had are an outage, not a refusal', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const verify = verifierOf({ keys: remoteKeys('http://127.0.0.1:1/') })
    const token = await signed({ tailrace: CLAIM }, 'ES256', privateKey)
    await expect(verify(token)).rejects.toMatchObject({ code: 'keys-unavailable' })
  })
})
