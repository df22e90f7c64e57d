import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCli, startHub, tempDir } from '@tailrace/testkit'
import { decodeJwt, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'

async function print(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, { env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

async function refusal(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, { env })
  expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
  return stderr
}

test('a secret is made, given to a hub, and signs tokens that the hub accepts', async () => {
  using dir = tempDir()
  const file = join(dir.path, 'tailrace.secret')
  writeFileSync(file, await print(['secret']))
  await using hub = await startHub({ log: 'memory:', args: ['--jwt-secret-file', file] })
  const tokenOf = (...args: string[]): Promise<string> => print(['token', '--jwt-secret-file', file, ...args])
  const statusOf = async (token: string, path: string, init: RequestInit = {}): Promise<number> => {
    const headers = { Accept: 'application/json', Authorization: `Bearer ${token.trim()}` }
    return (await fetch(`${hub.url}${path}`, { ...init, headers })).status
  }
  const reader = await tokenOf('--subscribe', 'orders/**', '--subscribe', 'news', '--publish', 'chat/*')
  expect(await statusOf(reader, '/topics/orders/1')).toBe(200)
  expect(await statusOf(reader, '/topics/news')).toBe(200)
  expect(await statusOf(reader, '/topics/chat/a')).toBe(403)
  expect(await statusOf(reader, '/topics/chat/a', { method: 'POST', body: 'x' })).toBe(201)
  expect(await statusOf(reader, '/connections')).toBe(403)
  expect(await statusOf(await tokenOf('--admin'), '/connections')).toBe(200)
})

describe('a token', () => {
  const SECRET = { TAILRACE_JWT_SECRET: 'the secret of a hub under test, long enough' }

  test('says who its bearer is, what they may, and how long', async () => {
    const args = [
      '--subject',
      'ann',
      '--subscribe',
      'a/**',
      '--publish',
      'a',
      '--admin',
      '--expires-in',
      '5m',
    ]
    const more = ['--jwt-issuer', 'https://issuer', '--jwt-audience', 'hub']
    const before = Math.floor(Date.now() / 1000)
    const token = (await print(['token', ...args, ...more], SECRET)).trim()
    const key = new TextEncoder().encode(SECRET.TAILRACE_JWT_SECRET)
    const { payload } = await jwtVerify(token, key, { issuer: 'https://issuer', audience: 'hub' })
    expect(payload).toMatchObject({
      sub: 'ann',
      tailrace: { subscribe: ['a/**'], publish: ['a'], admin: true },
    })
    expect(payload.iat).toBeGreaterThanOrEqual(before)
    expect(payload.exp! - payload.iat!).toBe(300)
  })

  test('is valid for an hour, and has no subject, unless told otherwise', async () => {
    const claims = decodeJwt(await print(['token', '--subscribe', 'a'], SECRET))
    expect(claims.exp! - claims.iat!).toBe(3_600)
    expect(claims.sub).toBeUndefined()
    expect(claims['tailrace']).toEqual({ subscribe: ['a'], publish: [] })
  })

  test.each<[string, string[], Record<string, string>, string]>([
    ['without a right', [], SECRET, '--subscribe, --publish or --admin'],
    ['without a secret', ['--admin'], {}, '--jwt-secret-file FILE, or TAILRACE_JWT_SECRET'],
    ['with an empty secret', ['--admin'], { TAILRACE_JWT_SECRET: '' }, 'TAILRACE_JWT_SECRET is empty'],
    ['with a short secret', ['--admin'], { TAILRACE_JWT_SECRET: 'x' }, 'generate one with tailrace secret'],
    ['with two secrets', ['--admin', '--jwt-secret-file', 'x'], SECRET, 'Give only one of'],
    [
      'with a pattern that is none',
      ['--subscribe', 'a*'],
      SECRET,
      '--subscribe contains a selector that has * inside the segment a*',
    ],
    ['that is over at once', ['--admin', '--expires-in', '0s'], SECRET, '--expires-in must be from 1s'],
    ['with something else', ['--admin', 'ann'], SECRET, 'token accepts only options'],
  ])('%s is not signed', async (_, args, env, message) => {
    const error = await refusal(['token', ...args], env)
    expect(error).toContain(message)
    expect(error).not.toContain(SECRET.TAILRACE_JWT_SECRET)
  })
})

test('a secret is another one each time, of 256 bits', async () => {
  const [first, second] = [await print(['secret']), await print(['secret'])]
  expect(first).not.toBe(second)
  expect(Buffer.from(first.trim(), 'base64url')).toHaveLength(32)
  expect(await refusal(['secret', 'x'])).toContain('secret accepts no arguments')
})
