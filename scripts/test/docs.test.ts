import { spawn } from 'node:child_process'
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { needs, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyCheckout, outsideEnvironment, ROOT } from './checkout.ts'
import { commandsOf } from './commands.ts'
import type { Command } from './commands.ts'

const curl = needs('curl')
const redis = needs('redis')
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/getting-started.md',
  'docs/operating/running.md',
  'docs/operating/durability.md',
  'docs/operating/retention.md',
  'docs/operating/access.md',
  'docs/operating/metrics.md',
  'docs/operating/scaling.md',
  'docs/operating/workers.md',
  'docs/concepts.md',
]

const dir = tempDir()
const children = new Set<ChildProcess>()

beforeAll(() => copyCheckout(dir.path))

afterAll(async () => {
  for (const child of children) await stop(child)
  dir[Symbol.dispose]()
}, 60_000)

// The first page is the README, whose first command installs: the others use the result.
for (const page of PAGES) {
  const commands = commandsOf(readFileSync(join(ROOT, page), 'utf8')).filter(({ kind }) => kind !== 'ci')
  const lacks = !curl || (!redis && page === 'docs/operating/scaling.md')
  test.skipIf(lacks)(`every command of ${page} works in a fresh checkout`, { timeout: 240_000 }, async () => {
    const port = await freePort()
    let hub: ChildProcess | undefined
    try {
      for (const command of commands) {
        if (command.kind === 'serve') {
          if (hub !== undefined) await stop(hub)
          hub = await serve(command, port)
        } else {
          await run(command, port)
        }
      }
      expect(commands.length).toBeGreaterThan(
        page === 'docs/concepts.md' || page === 'CONTRIBUTING.md' ? -1 : 0,
      )
    } finally {
      if (hub !== undefined) await stop(hub)
    }
  })
}

/** Starts a shell for a command exactly as in the page, except for the port, which may be in use here. */
function shell(
  { text }: Command,
  port: number,
): { child: ChildProcessByStdio<null, Readable, Readable>; output: () => string } {
  const env = outsideEnvironment()
  // Users only have what a terminal has, not the .bin folder that npm added for this test.
  const path = (env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'))
  const child = spawn('bash', ['-euo', 'pipefail', '-c', text.replaceAll('4242', String(port))], {
    cwd: dir.path,
    env: {
      ...env,
      PATH: path.join(':'),
      PORT: String(port),
      TAILRACE_PORT: String(port),
      TAILRACE_URL: `http://127.0.0.1:${port}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  children.add(child)
  child.on('exit', () => {
    children.delete(child)
    child.emit('output')
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      child.emit('output')
    })
  }
  return { child, output: () => output }
}

async function run(command: Command, port: number): Promise<void> {
  const { child, output } = shell(command, port)
  if (command.kind === 'stream') {
    // Progress of curl goes to standard error; an event is what counts.
    while (!/tailrace\.live|"id":/.test(output()) && child.exitCode === null) {
      await once(child, 'output')
    }
    expect(output(), command.text).toMatch(/tailrace\.live|"id":/)
    await stop(child)
  } else {
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code, `${command.text}\n${output()}`).toBe(0)
    // curl succeeds even when it is refused; a page that shows a refusal prints its status code.
    expect(output(), command.text).not.toMatch(/"code":"(?!topic-ended)/)
  }
}

async function serve(command: Command, port: number): Promise<ChildProcess> {
  const { child, output } = shell(command, port)
  while (!new RegExp(`http://(127[.]0[.]0[.]1|0[.]0[.]0[.]0):${port}`).test(output())) {
    if (child.exitCode !== null) throw new Error(`${command.text} ended:\n${output()}`)
    await once(child, 'output')
  }
  return child
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  // The whole group: npm and npx do not forward every signal.
  process.kill(-child.pid!, 'SIGTERM')
  await exited
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
