import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { subscribe } from '@tailrace/client'
import { freePort, tempDir } from '@tailrace/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf } from './blocks.ts'
import type { Block } from './blocks.ts'
import { outsideEnvironment, ROOT } from './checkout.ts'

const README = 'README.md'
const FROM_BETTER_SSE = 'docs/guides/migrating-from-better-sse.md'
const FROM_WEBSOCKETS = 'docs/guides/migrating-from-websockets.md'
const PAGES = [README, FROM_BETTER_SSE, FROM_WEBSOCKETS]

/** What the blocks import from the application that they stand in. */
const APP = `
import { createHub } from '@tailrace/hub'
import express from 'express'
import type { Request } from 'express'

export const app: express.Express = express()
export const hub = await createHub({ log: 'memory:' })
export const userOf = (request: Request) => ({ id: Number(request.headers['x-user'] ?? 7), isAdmin: false })
export const mayEnter = (_: { id: number }, room: string): boolean => room === 'lobby'
export const show = (...what: unknown[]): void => console.log(...what)
export async function* tokens(prompt: string): AsyncGenerator<string> {
  yield* prompt.split(' ')
}
export const openOrders = async (): Promise<object[]> => [{ id: 42 }]
export const thumbnail: Buffer = Buffer.from('image')
`

const dir = tempDir()
const running = new Set<() => Promise<void>>()

beforeAll(() => {
  symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'))
  writeFileSync(join(dir.path, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(dir.path, 'app.ts'), APP)
})

afterEach(async () => {
  for (const stop of running) await stop()
})

afterAll(() => dir[Symbol.dispose]())

test('the TypeScript of the guides compiles', () => {
  const blocks = PAGES.flatMap(blocksOf)
  for (const { name, code } of blocks) writeFileSync(join(dir.path, name), `${code}\nexport {}\n`)
  const compilerOptions = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['ES2024', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
    skipLibCheck: true,
    customConditions: ['@tailrace/source'],
    allowImportingTsExtensions: true,
    types: ['node'],
  }
  writeFileSync(join(dir.path, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const { status, stdout } = spawnSync(tsc, ['--project', dir.path], { cwd: dir.path, encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

interface Running {
  readonly url: string
  stop(): Promise<void>
}

/** Runs a block on a port. Resolves once it responds. */
async function run({ name, code }: Block, port: number): Promise<Running> {
  writeFileSync(
    join(dir.path, name),
    code.replaceAll('8080', String(port)).replaceAll('events.db', `${name}.db`),
  )
  const child = spawn(process.execPath, ['--conditions=@tailrace/source', name], {
    cwd: dir.path,
    env: outsideEnvironment(),
  })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const url = `http://localhost:${port}`
  async function stop(): Promise<void> {
    running.delete(stop)
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    expect((await output).join('')).toBe('')
  }
  running.add(stop)
  await expect.poll(() => fetch(url).catch(() => undefined)).toBeDefined()
  return { url, stop }
}

function runnable(page: string): readonly Block[] {
  return blocksOf(page).filter(({ isRun }) => isRun)
}

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } }
  return fetch(url, { ...init, body: JSON.stringify(body) })
}

test('the app in the README sends what it published', async () => {
  const [block] = runnable(README)
  const { url } = await run(block!, await freePort())
  const sent = await readUntil(`${url}/orders/42?from=start`, /^id: .*\n\n/m)
  expect(sent).toContain('event: paid\ndata: {"total":12}\n')
})

const [before, after] = runnable(FROM_BETTER_SSE)

describe('the app that migrates from better-sse', () => {
  test.each([
    ['before', before!],
    ['after', after!],
  ])('sends a page the same event: %s', async (_, block) => {
    const { url } = await run(block, await freePort())
    const events = subscribe(`${url}/events`, { fallback: false })
    const received: unknown[] = []
    events.on('paid', ({ data }) => received.push(JSON.parse(data)))
    // A channel of better-sse forgets what nobody is there to receive.
    const paid = async (): Promise<unknown> => {
      await pay(url, 12)
      return received[0]
    }
    await expect.poll(paid).toEqual({ id: '42', total: 12 })
    events.close()
  })

  test('afterwards, a reader resumes over a restart, and one with an id of better-sse gets a gap', async () => {
    const port = await freePort()
    const first = await run(after!, port)
    expect((await pay(first.url, 1)).status).toBe(204)
    const stored = await readUntil(`${first.url}/events?from=start`, /"total":1\}\nid: .*\n/)
    const [, id] = /"total":1\}\nid: (.*)\n/.exec(stored)!
    await first.stop()
    const second = await run(after!, port)
    await pay(second.url, 2)
    const resumed = await readUntil(`${second.url}/events`, /"total":2\}/, { 'Last-Event-ID': id! })
    expect(resumed).not.toContain('"total":1}')
    const headers = { 'Last-Event-ID': '0b0e0ad6-4ba8-4a5c-9d51-9f3b2b1f9a5e' }
    const migrated = await readUntil(`${second.url}/events`, /"total":2\}/, headers)
    expect(migrated).toMatch(/event: tailrace\.gap\ndata: .*"reason":"unknown"/)
  })

  const pay = (url: string, total: number): Promise<Response> => post(`${url}/orders/42/pay`, { total })
})

test('the rooms that migrate from Socket.IO let in those who may enter, and acknowledge what is said', async () => {
  const [block] = runnable(FROM_WEBSOCKETS)
  const { url } = await run(block!, await freePort())
  expect((await post(`${url}/rooms/secret`, { text: 'Hello' })).status).toBe(403)
  expect((await fetch(`${url}/rooms/secret`)).status).toBe(403)
  const said = await post(`${url}/rooms/lobby`, { text: 'Hello' }, { 'X-User': '42' })
  const { id } = (await said.json()) as { id: string }
  const heard = await readUntil(`${url}/rooms/lobby?from=start`, /^id: .*\n\n/m)
  const frame = `event: said\ndata: {"user":42,"text":"Hello"}\ntopic: rooms/lobby\nid: ${id}\n\n`
  expect(heard).toContain(frame)
})

/** Reads a stream until it has sent what is wanted. */
async function readUntil(url: string, wanted: RegExp, headers: Record<string, string> = {}): Promise<string> {
  const { body } = await fetch(url, { headers })
  let received = ''
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    received += chunk
    if (wanted.test(received)) break
  }
  return received
}
