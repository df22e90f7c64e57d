import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStream, runCli, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess, StreamReader, TempDir } from '@tailrace/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { bearer, KEYS, ticketOf, tokenOf } from './auth/tokens.ts'
import { ENGINES, PASSWORD } from './support/engine.ts'
import type { Engine } from './support/engine.ts'

const WAIT = { timeout: 20_000 }
const TEST_MS = 60_000

describe.each(ENGINES)('hubs on %s', (_, isThere, startEngine) => {
  let engine: Engine
  let dir: TempDir
  let passwordFile: string
  const hubs: HubProcess[] = []

  beforeAll(async () => {
    if (isThere) engine = await startEngine()
  }, TEST_MS)

  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    dir = tempDir()
    passwordFile = join(dir.path, 'password')
    writeFileSync(passwordFile, `${PASSWORD}\n`)
  })

  afterEach(async () => {
    for (const hub of hubs.splice(0)) await hub[Symbol.asyncDispose]()
    dir[Symbol.dispose]()
  })

  async function startNode(
    node: string,
    args: string[] = [],
    env: Record<string, string> = {},
  ): Promise<HubProcess> {
    const hub = await startHub({
      log: engine.url(node),
      env,
      args: ['--log-password-file', passwordFile, '--node', node, '--heartbeat', '200ms', ...args],
    })
    hubs.push(hub)
    return hub
  }

  const readinessOf = async ({ url }: HubProcess): Promise<string> => {
    const { status, code } = (await (await fetch(`${url}/readyz`)).json()) as Record<string, string>
    return code ?? String(status)
  }
  const publish = async ({ url }: HubProcess, body: string): Promise<{ status: number; id: string }> => {
    const response = await fetch(`${url}/topics/t`, { method: 'POST', body })
    const { id = '' } = (await response.json()) as { id?: string }
    return { status: response.status, id }
  }
  const dataOf = (stream: StreamReader): (string | undefined)[] =>
    stream.frames().flatMap(({ event, data, id }) => (event === undefined && id !== undefined ? [data] : []))

  async function openLive(hub: HubProcess, headers: Record<string, string> = {}): Promise<StreamReader> {
    const stream = await openStream(`${hub.url}/topics/t`, { headers })
    await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'), WAIT.timeout)
    return stream
  }

  test.runIf(isThere)(
    'a hub that is started before its engine becomes ready when the engine is there',
    async () => {
      await engine.stop()
      const hub = await startNode('early')
      expect(await readinessOf(hub)).toBe('unreachable')
      expect((await fetch(`${hub.url}/healthz`)).status).toBe(200)
      const refused = await fetch(`${hub.url}/topics/t`, { method: 'POST', body: 'x' })
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
      const away = await openStream(`${hub.url}/topics/t`)
      await away.ended
      expect(away.text()).toMatch(
        /^retry: \d+\n\nevent: tailrace.error\ndata: \{"code":"log-unavailable"\}\n\n$/,
      )
      await engine.start()
      await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
      const stream = await openLive(hub)
      expect((await publish(hub, 'x')).status).toBe(201)
      await stream.waitFor((frames) => frames.some(({ data }) => data === 'x'))
      stream.close()
      const lines = hub.output().match(/^tailrace: the log .*/gm)
      expect(lines).toEqual([
        expect.stringMatching(/^tailrace: the log is interrupted: ./),
        'tailrace: the log has resumed',
      ])
    },
    TEST_MS,
  )

  test.runIf(isThere)(
    'readers stay over an outage, and miss nothing of what either hub publishes',
    async () => {
      const [one, two] = [await startNode('one'), await startNode('two')]
      for (const hub of [one, two]) await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
      const streams = [await openLive(one), await openLive(two)]
      await publish(one, 'a')
      await publish(two, 'b')
      for (const stream of streams)
        await stream.waitFor(() => dataOf(stream).includes('a') && dataOf(stream).includes('b'))
      await engine.stop()
      for (const hub of [one, two]) await expect.poll(() => readinessOf(hub), WAIT).toBe('unreachable')
      for (const stream of streams) {
        const { length } = stream.text()
        await stream.waitFor((__, text) => text.slice(length).includes('\n:\n'))
      }
      const metrics = await (await fetch(`${one.url}/metrics`)).text()
      expect(metrics).toContain('\ntailrace_log_interrupted 1\n')
      await engine.start()
      for (const hub of [one, two]) await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
      await publish(two, 'c')
      for (const stream of streams) {
        await stream.waitFor(() => dataOf(stream).includes('c'), WAIT.timeout)
        expect(dataOf(stream)).toEqual(['a', 'b', 'c'])
        stream.close()
      }
    },
    TEST_MS,
  )

  test.runIf(isThere)(
    'an engine that went back in time is another log: streams end, and readers get a gap and everything retained',
    async () => {
      const hub = await startNode('back')
      await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
      const kept = await publish(hub, 'kept')
      await engine.stop()
      await engine.backUp()
      await engine.start()
      await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
      const stream = await openLive(hub, { 'Last-Event-ID': kept.id })
      const lost = await publish(hub, 'lost')
      await stream.waitFor(() => dataOf(stream).includes('lost'))
      await engine.stop()
      await engine.restore()
      await engine.start()
      await stream.ended
      await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
      const again = await openLive(hub, { 'Last-Event-ID': lost.id })
      const gap = again.frames().find(({ event }) => event === 'tailrace.gap')
      expect(JSON.parse(gap!.data!)).toMatchObject({ reason: 'epoch', from: lost.id })
      expect(dataOf(again)).toContain('kept')
      expect(dataOf(again)).not.toContain('lost')
      const added = await publish(hub, 'added')
      expect(added.id.split('.')[0]).not.toBe(lost.id.split('.')[0])
      await again.waitFor(() => dataOf(again).includes('added'))
      again.close()
    },
    TEST_MS,
  )

  test.runIf(isThere)(
    'tickets and revocations of one hub hold on the other',
    async () => {
      const [one, two] = [await startNode('one', [], KEYS), await startNode('two', [], KEYS)]
      for (const hub of [one, two]) await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
      const token = await tokenOf({ subscribe: ['**'] }, { sub: 'bob', iat: 1_700_000_000 })
      const ticket = await ticketOf(one.url, token, ['t'])
      const streams = [
        await openStream(`${two.url}/topics/t`, { headers: bearer(token) }),
        await openStream(`${two.url}/topics/t?ticket=${ticket}`),
      ]
      for (const stream of streams)
        await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
      const headers = bearer(await tokenOf({ admin: true }))
      await fetch(`${one.url}/connections?subject=bob`, { method: 'DELETE', headers })
      for (const stream of streams) {
        await stream.ended
        expect(stream.frames().at(-1)).toMatchObject({ data: '{"code":"revoked"}' })
      }
      expect((await fetch(`${two.url}/topics/t`, { headers: bearer(token) })).status).toBe(401)
    },
    TEST_MS,
  )

  test.runIf(isThere)(
    'the password is printed nowhere',
    async () => {
      const log = engine.url('secret', PASSWORD)
      for (const args of [[], ['--json-logs']]) {
        await using hub = await startHub({ log, args })
        await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
        const { host } = new URL(log)
        expect(hub.output()).toContain(host)
        await engine.stop()
        await expect.poll(() => readinessOf(hub), WAIT).toBe('unreachable')
        const answers = ['/readyz', '/metrics', '/connections', '/topics/t'].map(async (path) =>
          (await fetch(`${hub.url}${path}`, { headers: { Accept: 'application/json' } })).text(),
        )
        expect((await Promise.all(answers)).join('\n')).not.toContain(PASSWORD)
        await engine.start()
        await expect.poll(() => readinessOf(hub), WAIT).toBe('ready')
        await hub.kill('SIGTERM')
        expect(hub.output()).not.toContain(PASSWORD)
      }
    },
    TEST_MS,
  )

  test.runIf(isThere)(
    'a password that the engine rejects, or an address that is not understood, is reported without it',
    async () => {
      const wrong = engine.url('wrong', `not-${PASSWORD}`)
      const [query, scheme] = [wrong.replace(/\?.*|$/, '?wrong=yes'), wrong.replace('://', ':')]
      const file = join(dir.path, 'tailrace.toml')
      writeFileSync(file, `log = ${JSON.stringify(scheme)}\nport = 0\n`)
      const results = await Promise.all([
        runCli(['serve', '--port', '0'], { env: { TAILRACE_LOG: wrong } }),
        runCli(['serve', '--port', '0', '--log', query]),
        runCli(['serve', '--config', file]),
        runCli(['log', 'copy', wrong, `sqlite:${join(dir.path, 'copy.db')}`]),
      ])
      expect(results.map(({ code }) => code)).toEqual([1, 64, 64, 1])
      for (const { stdout, stderr } of results) {
        expect(stdout).toBe('')
        expect(stderr).toMatch(/^tailrace: ./)
        expect(stderr).not.toContain(PASSWORD)
      }
    },
    TEST_MS,
  )
})
