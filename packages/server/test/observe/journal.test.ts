import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStream, spawnCli, tempDir } from '@tailrace/testkit'
import { expect, test, vi } from 'vitest'
import { PLAIN_JOURNAL, withoutSecrets } from '../../src/observe/journal.ts'
import { bearer, KEYS, ticketOf, tokenOf } from '../auth/tokens.ts'

/** A hub on a log that can be taken away, and all that it says. */
async function startOn(
  path: string,
  args: readonly string[],
): Promise<{
  readonly url: string
  readonly lines: () => string[]
  readonly stop: () => Promise<number | null>
}> {
  const hub = spawnCli(['serve', '--port', '0', '--log', `sqlite:${path}`, ...args], { env: KEYS })
  const said: string[] = []
  let url: string | undefined
  while (url === undefined) url = /https?:\/\/[\d.:]+/.exec(await hub.nextLine())?.[0]
  return {
    url,
    lines: () => [...said, ...hub.output().split('\n')],
    async stop() {
      const { code } = await hub.kill()
      return code
    },
  }
}

const SECRET_COOKIE = 'cookie-that-nobody-may-see'
const SECRET_QUERY = 'query-that-nobody-may-see'

/** Asks with everything that must not be seen, in ways that succeed, are refused and fail. @returns all of that */
async function askWithSecrets(url: string, move: (away: boolean) => void): Promise<string[]> {
  const token = await tokenOf({ publish: ['**'], subscribe: ['**'] })
  const expired = await tokenOf({ publish: ['**'] }, { expiresInS: -3_600 })
  const ticket = await ticketOf(url, token, ['t'])
  const stream = await openStream(`${url}/topics/t?ticket=${ticket}`)
  await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  const headers = { ...bearer(token), Cookie: `tailrace=${SECRET_COOKIE}` }
  const statuses: number[] = []
  const ask = async (path: string, init: RequestInit): Promise<void> => {
    statuses.push((await fetch(`${url}${path}`, init)).status)
  }
  await ask('/topics/t', { method: 'POST', headers, body: 'a' })
  await ask(`/topics/t?x=${SECRET_QUERY}`, { headers })
  await ask('/topics/t', { method: 'POST', headers: bearer(expired), body: 'a' })
  await ask(`/topics/t?ticket=${ticket}x`, {})
  await ask('/topics/t', { headers: { Cookie: `tailrace=${SECRET_COOKIE}` } })
  move(true)
  await ask('/topics/t', { method: 'POST', headers, body: 'a' })
  move(false)
  expect(statuses).toEqual([201, 400, 401, 401, 401, 503])
  stream.close()
  return [token, expired, ticket, SECRET_COOKIE, SECRET_QUERY]
}

test('with --json-logs it tells its start, what fails with its code, that it drains and that it stops', async () => {
  using dir = tempDir()
  const [path, elsewhere] = [join(dir.path, 'log.db'), join(dir.path, 'elsewhere.db')]
  const hub = await startOn(path, ['--json-logs'])
  const secrets = await askWithSecrets(hub.url, (away) =>
    away ? renameSync(path, elsewhere) : renameSync(elsewhere, path),
  )
  expect(await hub.stop()).toBe(0)
  const lines = hub.lines().filter((line) => line.startsWith('{'))
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(entries).toMatchObject([
    { level: 'info', event: 'started', url: hub.url, log: `sqlite:${path}` },
    { level: 'error', event: 'error', code: expect.stringMatching(/^[a-z-]+$/) },
    { level: 'info', event: 'draining', overMs: 10_000 },
    { level: 'info', event: 'stopped' },
  ])
  for (const { time, msg } of entries) {
    expect(Date.parse(String(time))).not.toBeNaN()
    expect(msg).toEqual(expect.any(String))
  }
  for (const secret of secrets) expect(hub.lines().join('\n')).not.toContain(secret)
})

test('without it, it tells people the same in lines, and no secret either', async () => {
  using dir = tempDir()
  const [path, elsewhere] = [join(dir.path, 'log.db'), join(dir.path, 'elsewhere.db')]
  const hub = await startOn(path, [])
  const secrets = await askWithSecrets(hub.url, (away) =>
    away ? renameSync(path, elsewhere) : renameSync(elsewhere, path),
  )
  expect(await hub.stop()).toBe(0)
  const said = hub.lines().join('\n')
  expect(said).toMatch(/LogError/)
  expect(said).toContain('tailrace: draining: ')
  expect(said).toMatch(/tailrace: stopped\n$/)
  for (const secret of secrets) expect(said).not.toContain(secret)
})

test.each([
  ['GET /topics/t?ticket=abc.def&from=start failed', 'GET /topics/t?… failed'],
  ["{ input: 'http://hub:4242/events?topic=a' }", "{ input: 'http://hub:4242/events?…' }"],
  ['Authorization: Bearer abc.def.ghi', 'Authorization: Bearer …'],
  ['the ticket=abc was used', 'the ticket=… was used'],
  ['Cookie: tailrace=abc; b=c', 'Cookie: …'],
  ['Set-Cookie: tailrace=abc', 'Set-Cookie: …'],
  ['token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln is bad', 'token … is bad'],
  ['ticket eyJhbGciOiJkaXIifQ..iv.text.tag', 'ticket …'],
  ['redis://hub:s3cret@10.0.0.7:6379/0 refused', 'redis://…@10.0.0.7:6379/0 refused'],
  ['redis+sentinel://hub:s3/cr@et?@10.0.0.7:6379/0 refused', 'redis+sentinel://…@10.0.0.7:6379/0 refused'],
  ['connect postgres:hub:s3cret@10.0.0.7', 'connect postgres:…@10.0.0.7'],
  ["{ user: 'hub', password: 's3cret', port: 5432 }", "{ user: 'hub', password: '…', port: 5432 }"],
  ['{"password":"s3cret","port":5432}', '{"password":"…","port":5432}'],
  ['is the disk full? /var/lib/log.db is', 'is the disk full? /var/lib/log.db is'],
])('what an error of others says is rid of what gives rights: %s', (text, expected) => {
  expect(withoutSecrets(text)).toBe(expected)
})

test('an interruption of the log is a line when it begins and a line when it ends', () => {
  const lines: unknown[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(line) > 0)
  PLAIN_JOURNAL.interrupted(new Error('connect ECONNREFUSED'))
  PLAIN_JOURNAL.resumed()
  write.mockRestore()
  expect(lines).toEqual([
    'tailrace: the log is interrupted: connect ECONNREFUSED\n',
    'tailrace: the log has resumed\n',
  ])
})

test('an error that nobody expected ends the hub, and is reported without secrets', async () => {
  const code = `
    setTimeout(() => {
      const cause = Object.assign(new Error('connect'), { options: { password: 'very-secret' } })
      throw new Error('It broke: nats://ann:very-secret@10.0.0.7', { cause })
    }, 1_000)`
  using dir = tempDir()
  const file = join(dir.path, 'break.mjs')
  writeFileSync(file, code)
  const env = { NODE_OPTIONS: `--import=${file}` }
  await using hub = spawnCli(['serve', '--port', '0', '--log', 'memory:'], { env })
  expect(await hub.exited).toMatchObject({ code: 1 })
  expect(hub.output()).toContain('It broke: nats://…@10.0.0.7')
  expect(hub.output()).not.toContain('very-secret')
})
