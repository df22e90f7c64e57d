import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { requireKnownOrigin } from '@tailrace/http/gate'
import { launchChromium, needs, runCli, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { servePage } from '../support/page-server.ts'
import { SECRET } from './tokens.ts'

const chromium = needs('chromium')

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

describe('a page of another site, on a hub without keys', () => {
  const STREAM = { Accept: 'text/event-stream' }
  const PATHS = [
    '/topics/a',
    '/topics/a?from=start',
    '/events?topic=**',
    '/topics',
    '/connections',
    '/metrics',
  ]

  test('makes it read nothing, neither history nor a stream', async () => {
    await using hub = await startHub({ log: 'memory:' })
    for (const path of PATHS) {
      for (const headers of [
        { Origin: 'https://evil.example' },
        { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
        { Origin: 'http://localhost:1', 'Sec-Fetch-Site': 'same-site' },
        { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' },
        { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' },
      ]) {
        expect(await askHub(hub, 'GET', path, headers)).toEqual([403, 'cross-origin'])
        expect(await askHub(hub, 'GET', path, { ...headers, ...STREAM })).toEqual([403, 'cross-origin'])
      }
    }
  })

  test('reads where it is allowed to, or where everybody is', async () => {
    const asked = async (hub: HubProcess, headers: Record<string, string>): Promise<number> =>
      (await askHub(hub, 'GET', '/topics/a', headers))[0]
    const page = { Origin: 'https://app.example.com', 'Sec-Fetch-Site': 'cross-site' }
    const image = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }
    await using some = await startHub({ log: 'memory:', args: ['--allow-origin', page.Origin] })
    expect(await asked(some, page)).toBe(200)
    expect(await asked(some, { ...page, Origin: 'https://evil.example' })).toBe(403)
    expect(await asked(some, image)).toBe(403)
    await using all = await startHub({ log: 'memory:', args: ['--allow-origin', '*'] })
    expect(await asked(all, { ...page, Origin: 'null' })).toBe(200)
    expect(await asked(all, image)).toBe(200)
  })

  test('does not keep the hub from its own pages, a person at a browser, and what is no browser', async () => {
    await using hub = await startHub({ log: 'memory:' })
    for (const headers of [
      {},
      { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' },
      { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
      { Origin: hub.url, 'Sec-Fetch-Site': 'same-origin' },
    ])
      expect(await askHub(hub, 'GET', '/topics/a', headers)).toEqual([200, ''])
  })

  test.skipIf(!chromium)(
    'in Chromium, opens no stream, whether by EventSource, fetch, image or frame',
    async () => {
      await using hub = await startHub({ log: 'memory:' })
      await using browser = await launchChromium()
      const page = await browser.newPage()
      const topic = `${hub.url}/topics/a`
      const body = `<img src="${topic}?1"><iframe src="${topic}?2"></iframe><script>
      fetch('${topic}?3', { mode: 'no-cors' })
      new EventSource('${topic}?4').onerror = () => {}
    </script>`
      await using site = await servePage(body)
      await page.goto(site.url)
      const metrics = async (): Promise<string> => (await fetch(`${hub.url}/metrics`)).text()
      await expect.poll(metrics).toContain('tailrace_refusals_total{code="cross-origin"} 4')
      expect(await metrics()).toContain('tailrace_streams_total 0')
    },
  )
})

describe('an origin', () => {
  const isOwn = (origin: string, host: string, isSecure = false): boolean => {
    try {
      requireKnownOrigin({ allowed: [], isSecure }, { origin, host, site: undefined })
      return true
    } catch {
      return false
    }
  }

  test.each([
    ['http://localhost', 'localhost', true],
    ['http://localhost:4242', 'localhost:4242', true],
    ['https://hub.example.com', 'hub.example.com', true],
    ['https://hub.example.com', 'HUB.example.com:443', true],
    ['http://hub.example.com', 'hub.example.com:80', true],
    ['http://localhost', 'localhost:443', false],
    ['https://localhost', 'localhost:80', false],
    ['http://localhost:4242', 'localhost', false],
    ['http://localhost', 'localhost:4242', false],
    ['capacitor://localhost', 'localhost', false],
    ['ionic://localhost', 'localhost', false],
    ['chrome-extension://localhost', 'localhost', false],
    ['null', 'null', false],
    ['http://[::1]:4242', '[::1]:4242', true],
  ])('%s at the host %s is its own: %s', (origin, host, expected) => {
    expect(isOwn(origin, host)).toBe(expected)
  })

  test('of http: is not that of a hub with TLS of its own', () => {
    expect(isOwn('https://hub.example.com', 'hub.example.com', true)).toBe(true)
    expect(isOwn('http://hub.example.com', 'hub.example.com', true)).toBe(false)
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
    ['an empty secret', [], { TAILRACE_JWT_SECRET: '' }, /TAILRACE_JWT_SECRET is empty/],
    ['a file that holds no secret', ['--jwt-secret-file', '/dev/null'], {}, /\/dev\/null is empty/],
    ['a short secret', [], { TAILRACE_JWT_SECRET: 'short' }, /5 bytes/],
    ['two kinds of keys', ['--jwks-url', 'https://x'], { TAILRACE_JWT_SECRET: SECRET }, /one of/],
    ['a file that is not there', ['--jwt-public-key', '/nowhere'], {}, /ENOENT/],
    ['an origin with a path', ['--allow-origin', 'https://a/b'], {}, /must be an origin such as/],
    ['a proxy that is no network', ['--trust-proxy', 'nginx'], {}, /must be a network such as/],
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
