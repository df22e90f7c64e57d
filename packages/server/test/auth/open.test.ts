import { request } from 'node:http'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { runCli, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SECRET } from './tokens.ts'

/** `fetch` lets nobody choose `Host`. */
async function askHub(
  hub: HubProcess,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<[number, string]> {
  const asking = request(`${hub.url}${path}`, {
    method,
    headers: { Accept: 'application/json', ...headers },
  })
  asking.end(method === 'POST' ? 'x' : undefined)
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const body = await text(response)
  return [response.statusCode!, (JSON.parse(body) as { code?: string }).code ?? '']
}

describe('a hub without keys on this machine', () => {
  let hub: HubProcess

  beforeAll(async () => {
    hub = await startHub()
  })

  afterAll(async () => {
    await hub[Symbol.asyncDispose]()
  })

  const ask = (...asked: [method: string, path: string, headers: Record<string, string>]) =>
    askHub(hub, ...asked)

  test('says in its banner that it is open', () => {
    expect(hub.output()).toContain('anyone who can reach this address may read and write')
  })

  test.each(['localhost', '127.0.0.1', '[::1]', 'localhost:4242', 'app.localhost', '127.9.9.9:80'])(
    'answers to %s',
    async (Host) => {
      expect(await ask('GET', '/topics/a?from=start', { Host })).toEqual([200, ''])
    },
  )

  test.each(['evil.example', 'localhost.evil.example', '10.0.0.1', 'evil.example:4242'])(
    'does not answer to %s, a name that may have been made to lead here',
    async (Host) => {
      for (const [method, path] of [
        ['GET', '/topics/a'],
        ['POST', '/topics/a'],
        ['GET', '/events?topic=a'],
      ] as const) {
        expect(await ask(method, path, { Host })).toEqual([403, 'foreign-host'])
      }
      const asStream = { Host, Accept: 'text/event-stream' }
      expect(await ask('GET', '/topics/a', asStream)).toEqual([403, 'foreign-host'])
    },
  )

  test('takes no write that a page of another site has sent', async () => {
    const from = (headers: Record<string, string>) => ask('POST', '/topics/a', headers)
    expect(await from({ Origin: 'https://evil.example' })).toEqual([403, 'cross-origin'])
    expect(await from({ Origin: 'http://localhost:1' })).toEqual([403, 'cross-origin'])
    expect(await from({ Origin: 'null' })).toEqual([403, 'cross-origin'])
    expect(await from({ 'Sec-Fetch-Site': 'cross-site' })).toEqual([403, 'cross-origin'])
    expect((await from({ Origin: hub.url }))[0]).toBe(201)
    expect((await from({}))[0]).toBe(201)
  })
})

describe('a hub without keys on this machine that lets in who has no token', () => {
  const ANONYMOUS = ['--anonymous-subscribe', '--anonymous-publish']
  const REBOUND = { Host: 'evil.example', Origin: 'http://evil.example' }

  test('answers to no name that may have been made to lead here', async () => {
    await using hub = await startHub({ args: ANONYMOUS })
    expect(await askHub(hub, 'POST', '/topics/a', REBOUND)).toEqual([403, 'foreign-host'])
    expect(await askHub(hub, 'GET', '/topics/a', REBOUND)).toEqual([403, 'foreign-host'])
    expect((await askHub(hub, 'POST', '/topics/a', { Host: 'localhost' }))[0]).toBe(201)
  })

  test.each([
    ['a proxy', ['--trust-proxy', '127.0.0.1']],
    ['pages of other origins', ['--allow-origin', 'https://app.example.com']],
  ])('answers to the name that %s may use, where it was told of them', async (_, args) => {
    await using hub = await startHub({ args: [...ANONYMOUS, ...args] })
    expect((await askHub(hub, 'POST', '/topics/a', { Host: 'hub.example.com' }))[0]).toBe(201)
  })
})

describe('a hub that all the world can reach', () => {
  async function serve(
    args: string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number | null; stderr: string }> {
    using dir = tempDir()
    return await runCli(['serve', '--port', '0', '--log', `sqlite:${dir.path}/log.db`, ...args], { env })
  }

  test('does not start without keys', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      const { code, stderr } = await serve(['--host', host])
      expect(code).toBe(64)
      expect(stderr).toContain('Without keys')
      expect(stderr).toContain('--anonymous-subscribe')
    }
  })

  test.each([
    ['a short secret', [], { TAILRACE_JWT_SECRET: 'short' }, /5 bytes/],
    ['two kinds of keys', ['--jwks-url', 'https://x'], { TAILRACE_JWT_SECRET: SECRET }, /one of/],
    ['a file that is not there', ['--jwt-public-key', '/nowhere'], {}, /ENOENT/],
    ['an origin with a path', ['--allow-origin', 'https://a/b'], {}, /origins such as/],
    ['a proxy that is no network', ['--trust-proxy', 'nginx'], {}, /networks such as/],
  ])('does not start with %s', async (_, args, env, message) => {
    const { code, stderr } = await serve(args, env)
    expect(code).toBe(64)
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain(SECRET)
  })

  test('has no flag for the secret, which would show in the list of processes', async () => {
    const { code } = await serve(['--jwt-secret', SECRET])
    expect(code).toBe(64)
  })

  test('lets those read whom it was told to, and nobody write', async () => {
    await using hub = await startHub({ args: ['--host', '0.0.0.0', '--anonymous-subscribe'] })
    const read = await fetch(`http://127.0.0.1:${hub.port}/topics/a?from=start`, {
      headers: { Accept: 'application/json' },
    })
    expect(read.status).toBe(200)
    const write = await fetch(`http://127.0.0.1:${hub.port}/topics/a`, { method: 'POST', body: 'x' })
    expect(write.status).toBe(401)
  })
})
