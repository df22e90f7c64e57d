import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSqliteLog } from '@tailrace/log'
import { runCli, spawnCli, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let hub: HubProcess

beforeAll(async () => {
  hub = await startHub({ args: ['--retry', '50ms'] })
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

let topics = 0
function freshTopic(): string {
  topics += 1
  return `cli/${topics}`
}

async function publish(topic: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['publish', '--url', hub.url, topic, ...args])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim()
}

/** Publishes many events at once, faster than a process for each could. */
async function post(topic: string, lines: readonly string[], url = hub.url): Promise<void> {
  const body = lines.map((data) => JSON.stringify({ data })).join('\n')
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const response = await fetch(`${url}/topics/${topic}`, { method: 'POST', headers, body })
  expect(response.status).toBe(201)
}

async function history(topic: string, url = hub.url): Promise<Record<string, string>[]> {
  const response = await fetch(`${url}/topics/${topic}`, { headers: { Accept: 'application/json' } })
  return ((await response.json()) as { events: Record<string, string>[] }).events
}

describe('publish', () => {
  test('prints the id of its event', async () => {
    const topic = freshTopic()
    const id = await publish(topic, 'héllo', '--type', 'grüße', '--key', 'k')
    expect(await history(topic)).toEqual([
      { id, topic, type: 'grüße', key: 'k', time: expect.any(String), data: 'héllo' },
    ])
  })

  test('removes a key', async () => {
    const topic = freshTopic()
    await publish(topic, 'here', '--key', 'k')
    const id = await publish(topic, '', '--key', 'k', '--remove')
    expect((await history(topic))[1]).toEqual({
      id,
      topic,
      key: 'k',
      remove: true,
      time: expect.any(String),
      data: '',
    })
  })

  test.each([[[]], [['-']]])('takes its event from standard input, less one line end (%j)', async (args) => {
    const topic = freshTopic()
    const { code } = await runCli(['publish', '--url', hub.url, topic, ...args], { input: 'a\nb\n\r\n' })
    expect([code, (await history(topic))[0]!['data']]).toEqual([0, 'a\nb\n'])
  })

  test('takes what it is given to the letter: spaces around a key, a byte order mark', async () => {
    const topic = freshTopic()
    await publish(topic, ' x ', '--key', ' k ', '--type', ' t ')
    await runCli(['publish', '--url', hub.url, topic], { input: '\uFEFFmarked\n' })
    expect(await history(topic)).toMatchObject([
      { key: ' k ', type: ' t ', data: ' x ' },
      { data: '\uFEFFmarked' },
    ])
  })

  test.each([
    ['a key with a line end', ['x', '--key', 'a\nb'], '', /the hub answered 400: .*key/],
    ['standard input that is no text', [], Buffer.from([0xff]), /UTF-8/],
  ])('refuses %s in a sentence', async (_, args, input, message) => {
    const topic = freshTopic()
    const { code, stderr } = await runCli(['publish', '--url', hub.url, topic, ...args], { input })
    expect(code).toBeGreaterThan(0)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(await history(topic)).toEqual([])
  })

  test('prints the whole answer with --json, and a repeat as one', async () => {
    const topic = freshTopic()
    const args = ['x', '--json', '--idempotency-key', 'k']
    const first = JSON.parse(await publish(topic, ...args)) as { id: string }
    expect(first).toEqual({ id: expect.any(String), topic })
    expect(JSON.parse(await publish(topic, ...args))).toEqual({ ...first, duplicate: true })
  })

  test('tells a refusal in the words of the hub, on standard error', async () => {
    const topic = freshTopic()
    await publish(topic, 'bye', '--end')
    expect(await runCli(['publish', '--url', hub.url, topic, 'late'])).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: `tailrace: the hub answered 409: Line 1: The topic ${topic} has ended: nothing can follow its last event. No event of the batch was published.\n`,
    })
  })

  test('tells when nobody is there', async () => {
    const { code, stdout, stderr } = await runCli(['publish', '--url', 'http://127.0.0.1:1', 't', 'x'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^tailrace: http:\/\/127\.0\.0\.1:1 cannot be reached \(.*\)\n$/)
  })
})

test.each([
  [[]],
  [['nonsense']],
  [['publish']],
  [['publish', 't', 'two', 'texts']],
  [['publish', 't', '--follow', 'f', 'x']],
  [['tail']],
  [['tail', 't', '--from']],
  [['publish', 't', 'x', '--url', 'nonsense']],
  [['tail', 't', '--url', 'nonsense']],
  [['serve', '--nonsense']],
  [['serve', '--port', '-1']],
  [['serve', '--workers', '0']],
  [['serve', '--log', 'mysql://x']],
  [['serve', '--retain', 'x']],
  [['serve', '--log', 'memory:', '--max-event', '0B']],
  [['serve', '--log', 'memory:', '--heartbeat', '60d']],
  [['serve', '--log', 'memory:', '--head-timeout', '61s']],
  [['serve', '--log', 'memory:', 'stray']],
])('tailrace %j cannot be run as it is written', async (args) => {
  const { code, stdout, stderr } = await runCli(args)
  expect(code).toBe(64)
  expect(`${stdout}${stderr}`).toMatch(/tailrace/)
  expect(stderr).not.toMatch(/\n\s+at /)
})

test.each(['serve', 'publish', 'tail'])('%s --help is help and no error', async (verb) => {
  const { code, stdout, stderr } = await runCli([verb, '--help'])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain(`tailrace ${verb}`)
})

test('a variable that looks like a setting and is none is warned about, those of other commands are not', async () => {
  const env = {
    TAILRACE_PROT: '1',
    TAILRACE_TOKN: 'very-secret',
    TAILRACE_HEARTBEAT: '1s',
  }
  const { code, stderr } = await runCli(['publish', '--url', hub.url, freshTopic(), 'x'], { env })
  expect(code).toBe(0)
  expect(stderr.split('\n').toSorted()).toEqual([
    '',
    'tailrace: the variable TAILRACE_PROT is ignored: no option has that name',
    'tailrace: the variable TAILRACE_TOKN is ignored: no option has that name',
  ])
})

test('with --json-logs that warning is an object too', async () => {
  await using logged = await startHub({ args: ['--json-logs'], env: { TAILRACE_PROT: '1' } })
  const line = logged
    .output()
    .split('\n')
    .find((one) => one.includes('TAILRACE_PROT'))
  expect(JSON.parse(line!)).toMatchObject({ level: 'warn', event: 'warning' })
})

describe('tail', () => {
  test('prints data as it comes, and ends with its topic', async () => {
    const topic = freshTopic()
    await post(topic, ['before'])
    await using tail = spawnCli(['tail', '--url', hub.url, topic, '--from', 'start'])
    expect(await tail.nextLine()).toBe('before')
    await publish(topic, 'live')
    expect(await tail.nextLine()).toBe('live')
    await publish(topic, 'bye', '--end')
    expect(await tail.nextLine()).toBe('bye')
    expect(await tail.exited).toEqual({ code: 0, signal: null })
    expect(tail.output()).toBe('before\nlive\nbye\n')
  })

  test('prints everything of an event with --json', async () => {
    const topic = freshTopic()
    const id = await publish(topic, 'a\nb', '--type', 'paid', '--key', 'k', '--end')
    const { code, stdout } = await runCli(['tail', '--url', hub.url, topic, '--from', 'start', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      id,
      topic,
      type: 'paid',
      key: 'k',
      time: expect.any(String),
      data: 'a\nb',
    })
  })

  test('starts after an id', async () => {
    const topic = freshTopic()
    const id = await publish(topic, 'a')
    await post(topic, ['b'])
    await publish(topic, 'c', '--end')
    const { stdout } = await runCli(['tail', '--url', hub.url, topic, '--from', id])
    expect(stdout).toBe('b\nc\n')
  })

  test('tells of missed events on standard error, and prints what is left', async () => {
    const topic = freshTopic()
    await publish(topic, 'a', '--end')
    const { code, stdout, stderr } = await runCli(['tail', '--url', hub.url, topic, '--from', 'otherlife.1'])
    expect([code, stdout]).toEqual([0, 'a\n'])
    expect(stderr).toMatch(/^tailrace: events were missed: \{"reason":"epoch"/)
  })

  test('tells a refusal, and does not try again', async () => {
    const { code, stderr } = await runCli(['tail', '--url', hub.url, 'a//b'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^tailrace: the hub answered 400: The selector has an empty segment/)
  })

  test('ends well when whoever reads it has seen enough', async () => {
    const topic = freshTopic()
    await post(
      topic,
      Array.from({ length: 50 }, () => 'x'.repeat(4_000)),
    )
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
    const args = ['--conditions=@tailrace/source', main, 'tail', '--url', hub.url, topic, '--from', 'start']
    const tail = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    tail.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    await once(tail.stdout, 'data')
    tail.stdout.destroy()
    const [code] = (await once(tail, 'close')) as [number | null]
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('goes on after its hub was killed and came back, and prints every line once', async () => {
    using dir = tempDir()
    const log = `sqlite:${join(dir.path, 'tailrace.db')}`
    let own = await startHub({ log, args: ['--retry', '50ms'] })
    const lines = Array.from({ length: 600 }, (_, i) => `line ${i}`)
    await using tail = spawnCli(['tail', '--url', own.url, 't', '--from', 'start'])
    await post('t', lines.slice(0, 200), own.url)
    const seen: string[] = []
    while (seen.length < 100) seen.push(await tail.nextLine())
    for (const from of [200, 400]) {
      await own.kill('SIGKILL')
      own = await startHub({ log, port: own.port, args: ['--retry', '50ms'] })
      await post('t', lines.slice(from, from + 200), own.url)
    }
    while (seen.length < lines.length) seen.push(await tail.nextLine())
    expect(seen).toEqual(lines)
    await fetch(`${own.url}/topics/t`, { method: 'POST', headers: { 'Event-End': 'true' }, body: 'end' })
    expect(await tail.nextLine()).toBe('end')
    expect(await tail.exited).toEqual({ code: 0, signal: null })
    expect(tail.output()).toContain('reconnecting')
    await own.kill()
  })
})

describe('serve', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'ends well on %s, and leaves a log that opens again',
    async (signal) => {
      using dir = tempDir()
      const log = `sqlite:${join(dir.path, 'tailrace.db')}`
      const first = await startHub({ log })
      await post('t', ['kept'], first.url)
      const stream = await fetch(`${first.url}/topics/t`)
      const [exit, text] = await Promise.all([first.kill(signal), stream.text()])
      expect(exit).toEqual({ code: 0, signal: null })
      expect(text).toContain('tailrace.live')
      expect(first.output()).not.toMatch(/error/i)
      await using second = await startHub({ log })
      expect(await history('t', second.url)).toMatchObject([{ data: 'kept' }])
    },
  )

  test('refuses a log that another hub is using', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'tailrace.db')
    await using first = await startHub({ log: `sqlite:${path}` })
    const { code, stdout, stderr } = await runCli(['serve', '--port', '0', '--log', `sqlite:${path}`])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(
      /^tailrace: The log .*tailrace\.db failed \(.*\): another process is using it: .*\.\n$/,
    )
    await post('t', ['still there'], first.url)
  })

  test('tells that its log cannot be made', async () => {
    using dir = tempDir()
    const { code, stderr } = await runCli([
      'serve',
      '--port',
      '0',
      '--log',
      `sqlite:${join(dir.path, 'none', 'x.db')}`,
    ])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^tailrace: The log .* cannot be opened: check that the folder exists and is writable\.\n$/,
    )
  })
})

test('no command loads the package of an engine that it does not use', async () => {
  using dir = tempDir()
  const hook = join(dir.path, 'hook.mjs')
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module'
     registerHooks({ resolve(specifier, context, next) {
       if (/^@tailrace[/]log-/.test(specifier)) process.stderr.write('loads ' + specifier)
       return next(specifier, context)
     } })`,
  )
  const env = { NODE_OPTIONS: `--import=${hook}` }
  const [from, to] = ['from.db', 'to.db'].map((name) => `sqlite:${join(dir.path, name)}`) as [string, string]
  const log = await openSqliteLog({ path: join(dir.path, 'from.db') })
  await log.close()
  expect(await runCli(['log', 'copy', from, to], { env })).toMatchObject({ code: 0, stderr: '' })
  const memory = await runCli(['serve', '--port', '0', '--log', 'memory:', '--require-durable'], { env })
  expect(memory.stderr).toMatch(/^tailrace: The log memory:/)
  const redis = await runCli(['log', 'copy', from, 'redis://127.0.0.1:1'], { env })
  expect(redis.stderr).toContain('loads @tailrace/log-redis')
})
