import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { JWK } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { remoteKeys } from '../../src/auth/keys.ts'
import type { RemoteKeysOptions } from '../../src/auth/remote-keys.ts'
import { createVerifier } from '../../src/auth/verifier.ts'
import type { Verifier } from '../../src/auth/verifier.ts'

const HOUR_MS = 60 * 60_000

let provider: Server
let keys: JWK[]
let fetches: number
let isDown: boolean

beforeEach(async () => {
  keys = []
  fetches = 0
  isDown = false
  provider = createServer((_, response) => {
    fetches += 1
    if (isDown) response.writeHead(500).end()
    else response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys }))
  }).listen(0)
  await once(provider, 'listening')
})

afterEach(() => {
  provider.close()
})

function verifierOf(options: RemoteKeysOptions): Verifier {
  const { port } = provider.address() as AddressInfo
  return createVerifier({ keys: remoteKeys(`http://127.0.0.1:${port}/`, options), leewayMs: 0 })
}

/** Adds a key to those of the provider. @returns a token that is signed with it */
async function rotate(kid: string): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  keys.push({ ...(await exportJWK(publicKey)), kid, alg: 'ES256' })
  const token = new SignJWT({ tailrace: { subscribe: ['a'] } })
  return token.setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
}

test('keys are fetched again when they are old, though nobody asks for another one', async () => {
  const verify = verifierOf({ maxAgeMs: 1, cooldownMs: HOUR_MS })
  const first = await rotate('one')
  await verify(first)
  const second = await rotate('two')
  // What the first of these answers may have been written before the second key was there.
  await once(provider, 'request')
  await once(provider, 'request')
  await once(provider, 'request')
  await expect(verify(second)).resolves.toMatchObject({ by: 'token' })
})

test('known keys outlive an outage of their provider', async () => {
  const verify = verifierOf({ maxAgeMs: 1, cooldownMs: 1 })
  const token = await rotate('one')
  await verify(token)
  isDown = true
  await once(provider, 'request')
  await once(provider, 'request')
  await once(provider, 'request')
  await expect(verify(token)).resolves.toMatchObject({ by: 'token' })
})

test('keys that could not be had for too long are known no more', async () => {
  const verify = verifierOf({ cooldownMs: 0, keepMs: 0 })
  const token = await rotate('one')
  await verify(token)
  isDown = true
  await expect(verify(token)).rejects.toMatchObject({ code: 'keys-unavailable' })
  isDown = false
  await expect(verify(token)).resolves.toMatchObject({ by: 'token' })
})

test('a provider that is out is not asked for each request', async () => {
  isDown = true
  const verify = verifierOf({ cooldownMs: HOUR_MS })
  const token = await rotate('one')
  for (let request = 0; request < 5; request += 1)
    await expect(verify(token)).rejects.toMatchObject({ code: 'keys-unavailable' })
  expect(fetches).toBe(1)
})

test('a provider is not asked for each token with a key that it does not have', async () => {
  const verify = verifierOf({ cooldownMs: HOUR_MS })
  await verify(await rotate('one'))
  const stranger = await rotate('two')
  keys.pop()
  for (let request = 0; request < 5; request += 1)
    await expect(verify(stranger)).rejects.toMatchObject({ code: 'invalid-token' })
  expect(fetches).toBe(1)
})
