import { createHmac } from 'node:crypto'
import { HttpError } from '@tailrace/http'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fuzz, FUZZ } from '../../../http/test/hostile/fuzz.ts'
import type { Identity } from '../../src/auth/identity.ts'
import { secretKey } from '../../src/auth/keys.ts'
import { createVerifier } from '../../src/auth/verifier.ts'
import { SECRET, tokenOf } from '../auth/tokens.ts'

const verify = createVerifier({ keys: secretKey(SECRET), leewayMs: 0 })
const encode = (text: string): string => Buffer.from(text).toString('base64url')

/** What a token comes to: who it names, or the code of its refusal. Anything else is a fault. */
async function outcomeOf(token: string): Promise<Identity | string> {
  try {
    return await verify(token)
  } catch (error) {
    if (HttpError.is(error) && ['invalid-token', 'token-expired'].includes(error.code)) return error.code
    throw error
  }
}

function signed(header: string, payload: string): string {
  const content = `${encode(header)}.${encode(payload)}`
  return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`
}

const RIGHTS = { subscribe: ['tenant-a/**'] }
const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

test('a token that was changed anywhere is refused, or says what it said before', FUZZ, async () => {
  const token = await tokenOf(RIGHTS)
  const before = await verify(token)
  const character = fc.oneof(
    fc.constantFrom(...base64url.split(''), '.', '=', '+', '/', ' ', '\0', ''),
    fc.string({ unit: 'binary', maxLength: 2 }),
  )
  const change = fc.tuple(fc.nat(token.length), fc.nat(2), character)
  await fuzz(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      let changed = token
      for (const [at, length, text] of changes)
        changed = changed.slice(0, at) + text + changed.slice(at + length)
      const outcome = await outcomeOf(changed)
      expect(typeof outcome === 'string' ? before : outcome).toEqual(before)
    }),
    3_000,
  )
})

const jwtHeader = fc.record(
  {
    alg: fc.constantFrom(
      'none',
      'None',
      'NONE',
      '',
      'HS256',
      'hs256',
      'HS384',
      'HS512',
      'RS256',
      'ES256',
      'EdDSA',
      'dir',
      1,
      null,
    ),
    typ: fc.constantFrom('JWT', 'at+jwt', 1),
    kid: fc.constantFrom('', '../../dev/null', "' OR 1=1", 0),
    jwk: fc.constant({ kty: 'oct', k: encode('x'.repeat(32)) }),
    jku: fc.constant('http://127.0.0.1:1/keys'),
    x5u: fc.constant('http://127.0.0.1:1/cert'),
    crit: fc.constantFrom(['b64'], ['exp'], [], 'b64'),
    b64: fc.boolean(),
    zip: fc.constant('DEF'),
  },
  { requiredKeys: ['alg'] },
)

test('a token that nobody signed is refused, whatever its header asks for', FUZZ, async () => {
  const payload = encode(JSON.stringify({ tailrace: { subscribe: ['**'], publish: ['**'], admin: true } }))
  const [own, , signature] = (await tokenOf(RIGHTS)).split('.') as [string, string, string]
  const signatures = fc.constantFrom(
    '',
    signature,
    encode('x'.repeat(32)),
    createHmac('sha256', '').update('x').digest('base64url'),
  )
  await fuzz(
    fc.asyncProperty(
      fc.oneof(
        jwtHeader.map((value) => encode(JSON.stringify(value))),
        fc.constant(own),
      ),
      signatures,
      async (header, last) => {
        expect(await outcomeOf(`${header}.${payload}.${last}`)).toBe('invalid-token')
      },
    ),
    2_000,
  )
})

const claims = fc.record(
  {
    tailrace: fc.oneof({ weight: 3, arbitrary: fc.constant(RIGHTS as unknown) }, fc.jsonValue()),
    sub: fc.oneof(fc.string(), fc.jsonValue()),
    exp: fc.oneof(fc.jsonValue(), fc.constantFrom(1e300, 9e15, -1, 0, 4_102_444_800_000, 4_102_444_800.5)),
    nbf: fc.oneof(fc.jsonValue(), fc.constantFrom(1e300, -1e300)),
    iat: fc.jsonValue(),
    iss: fc.jsonValue(),
    aud: fc.jsonValue(),
  },
  { requiredKeys: ['tailrace'] },
)

test('a token that was signed says who and what in the way it must, or is refused', FUZZ, async () => {
  let accepted = 0
  await fuzz(
    fc.asyncProperty(claims, async (payload) => {
      const outcome = await outcomeOf(signed('{"alg":"HS256"}', JSON.stringify(payload)))
      if (typeof outcome === 'string') return
      accepted += 1
      const { subject, expiresAt, rights } = outcome
      // Limits are counted by it: what is no text would be another subject in each token.
      if (subject !== undefined) expect(subject).toBeTypeOf('string')
      if (expiresAt !== undefined) expect(expiresAt).toBeGreaterThan(Date.now())
      expect([...rights.publish, ...rights.subscribe].every((one) => typeof one === 'string')).toBe(true)
    }),
    3_000,
  )
  expect(accepted).toBeGreaterThan(30)
})

test('a payload that is no object of claims is refused', FUZZ, async () => {
  await fuzz(
    fc.asyncProperty(
      fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constantFrom('', 'null', '[]', '{}')),
      async (payload) => {
        const outcome = await outcomeOf(signed('{"alg":"HS256"}', payload))
        if (payload.includes('tailrace')) return
        expect(outcome).toBe('invalid-token')
      },
    ),
    1_000,
  )
})
