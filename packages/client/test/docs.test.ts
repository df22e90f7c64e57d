import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const PAGES = [
  'packages/client/README.md',
  'docs/client/README.md',
  'docs/client/auth.md',
  'docs/client/post-streams.md',
  'docs/client/page.md',
  'docs/client/tabs.md',
  'docs/client/reconnecting.md',
  'docs/client/testing.md',
  'docs/client/migrating.md',
]

/** A block of a page that is marked `ts`. One that is marked `ts run` also runs. */
interface Block {
  readonly line: number
  /** Of its file. */
  readonly name: string
  readonly code: string
  readonly isRun: boolean
  /** What the block after it, marked `text`, says that it prints. */
  readonly output: string | undefined
}

function blocksOf(page: string): Block[] {
  const markdown = readFileSync(join(ROOT, page), 'utf8')
  const fences = [...markdown.matchAll(/^```(\S+)(?: (\w+))?\n([\s\S]*?)^```$/gm)]
  return fences.flatMap(({ 1: language, 2: mark, 3: code, index }, i) => {
    if (language !== 'ts') return []
    if (mark !== undefined && mark !== 'run') throw new Error(`a block is marked "ts ${mark}"`)
    const line = markdown.slice(0, index).split('\n').length
    const next = fences[i + 1]
    return {
      line,
      name: `${page.replaceAll(/\W/g, '-')}-${line}.ts`,
      // A compiler's or runtime's message then names the line of the page.
      code: `${'\n'.repeat(line)}${code!}export {}\n`,
      isRun: mark === 'run',
      output: next?.[1] === 'text' ? next[3] : undefined,
    }
  })
}

const pages = PAGES.map((page) => ({ page, blocks: blocksOf(page) }))

/** What the blocks import from the application that they stand in. */
const APP = `
import type { StandardSchema } from '@tailrace/client'

export type Paid = { readonly total: number }
export const PaidSchema: StandardSchema<Paid> = {
  '~standard': { version: 1, vendor: 'app', validate: (value) => ({ value: value as Paid }) },
}

export const prompt = 'Say hello'
export const user: { readonly id: number } = { id: 42 }
export const token = (): string => 'first'
export const login = (): void => console.log('login')
export const show = (...what: unknown[]): void => console.log(...what)
export const setOnline = (isOnline: boolean): void => console.log(isOnline)
export const reload = async (why: string): Promise<void> => console.log('reload:', why)

const waiting = ['first', 'second', 'third']
export const tokens = {
  current: async (): Promise<string> => waiting[0]!,
  async refresh(): Promise<string> {
    waiting.shift()
    return waiting[0]!
  },
}

let isOut = true
export const unsteadyTokens = {
  async current(): Promise<string> {
    if (isOut) {
      isOut = false
      throw new Error('The identity provider is out')
    }
    return 'second'
  },
}

/** Is clicked when there is something to cancel. */
export const cancelButton = new EventTarget() as HTMLButtonElement
const print = console.log
console.log = (...what) => {
  print(...what)
  if (what[0] === 'again') cancelButton.dispatchEvent(new Event('click'))
}
`

const delta = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`

/** What answers at `https://api.example.com`: by path, and how often that was asked for. */
const API: Readonly<Record<string, Script>> = {
  '/orders': (response, { headers }) => {
    const place = headers['last-event-id']
    if (headers.authorization === 'Bearer first') response.writeHead(401).end()
    else if (headers.authorization === 'Bearer second' && place === undefined) {
      stream(response).end(
        'retry: 0\nid: 1\ndata: before the token expired\n\nevent: tailrace.error\ndata: {"code":"token-expired"}\n\n',
      )
    } else if (headers.authorization === 'Bearer third' && place === '1') {
      stream(response, 'id: 2\ndata: after it\n\n')
    } else response.writeHead(400).end()
  },
  '/forbidden': (response) => response.writeHead(403).end(),
  '/me': (response) => stream(response, 'data: you\n\n'),
  '/v1/chat/completions': (response, { method, body, headers }, index) => {
    const isAsked = method === 'POST' && 'messages' in (JSON.parse(body) as object)
    if (!isAsked || headers['content-type'] !== 'application/json') response.writeHead(400).end()
    else if (index === 0) response.writeHead(429, { 'Retry-After': '0' }).end()
    else if (index === 1) stream(response).end(`${delta('Hello')}${delta(' there')}data: [DONE]\n\n`)
    else response.writeHead(410).end()
  },
  '/generate': (response, _, index) => {
    if (index === 0) stream(response).end('data: Hello\n\ndata: there\n\n')
    else response.writeHead(410).end()
  },
  '/endless': (response) => stream(response, 'data: again\n\n'),
  '/prices': (response, { headers }, index) => {
    if (index === 0) response.writeHead(503).end()
    else if (index === 1) stream(response).end('retry: 10\nid: 1\ndata: one\n\n')
    else if (headers['last-event-id'] === '1') {
      stream(response, 'id: 1\ndata: one\n\nid: 2\ndata: two\n\n')
    } else response.writeHead(400).end()
  },
}

const dir = tempDir()
let hub: HubProcess
let api: ScriptedServer

beforeAll(async () => {
  const asked = new Map<string, number>()
  api = await startScripted((response, request) => {
    const { path } = request
    const index = asked.get(path) ?? 0
    asked.set(path, index + 1)
    const script = API[path]
    if (script === undefined) response.writeHead(404).end()
    else script(response, request, index)
  })
  hub = await startHub()
  symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'))
  writeFileSync(join(dir.path, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(dir.path, 'app.ts'), APP)
  for (const { blocks } of pages) {
    for (const { name, code } of blocks) {
      const reachable = code
        .replaceAll('http://localhost:4242', hub.url)
        .replaceAll('https://api.example.com', api.url.slice(0, -1))
      writeFileSync(join(dir.path, name), reachable)
    }
  }
})

afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await hub?.[Symbol.asyncDispose]()
  dir[Symbol.dispose]()
})

test('the blocks of the pages have the types that they should have', () => {
  expect(pages.flatMap(({ blocks }) => blocks).length).toBeGreaterThan(PAGES.length)
  const config = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      rewriteRelativeImportExtensions: false,
      allowImportingTsExtensions: true,
      noUnusedLocals: false,
      types: ['node'],
    },
    include: ['*.ts'],
  }
  writeFileSync(join(dir.path, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', dir.path], { encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

describe.each(pages)('$page', ({ page, blocks }) => {
  for (const { line, name, output } of blocks.filter(({ isRun }) => isRun)) {
    test(`the block in line ${line} runs, and prints what the page says`, async () => {
      const child = spawn(process.execPath, ['--conditions=@tailrace/source', join(dir.path, name)], {
        cwd: dir.path,
        env: { PATH: process.env['PATH'], API_KEY: 'key' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const [printed, errors] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ])
      expect({ code: child.exitCode, errors }).toEqual({ code: 0, errors: '' })
      if (output !== undefined) expect(printed).toBe(output)
    })
  }

  test('links lead somewhere', () => {
    const markdown = readFileSync(join(ROOT, page), 'utf8')
    for (const { 1: link } of markdown.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path, heading] = link!.split('#')
      const target = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), path!)
      expect(existsSync(target), link).toBe(true)
      if (heading === undefined) continue
      const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(({ 1: words }) =>
        words!
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      )
      expect(headings, link).toContain(heading)
    }
  })
})
