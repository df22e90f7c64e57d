import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { needs, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { environmentWithNode, outsideEnvironment, ROOT } from './checkout.ts'

const exec = promisify(execFile)
const gcc = needs('gcc')
const ENGINES = ['log-sequencer', 'log-ipc', 'log-redis', 'log-postgres', 'log-nats', 'log-kafka']
const SUITES = ['log-suite', 'http-suite']
const PACKAGES = [
  'wire',
  'log',
  ...ENGINES,
  'hub',
  'http',
  'topics',
  'llm',
  'mcp',
  ...SUITES,
  'multisend',
  'client',
  'server',
]

const dir = tempDir()
const tarballs = join(dir.path, 'tarballs')
const project = join(dir.path, 'project')

async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  try {
    const env = outsideEnvironment()
    return (await exec(command, args, { cwd, env, maxBuffer: 16 * 1024 * 1024 })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}

beforeAll(async () => {
  mkdirSync(tarballs)
  mkdirSync(project)
  const folders = PACKAGES.map((name) => `packages/${name}`)
  await run(ROOT, binOf('tsc'), '-b', ...folders)
  const workspaces = folders.map((folder) => `--workspace=${folder}`)
  await run(ROOT, 'npm', 'pack', '--pack-destination', tarballs, ...workspaces)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  // The suites would bring Vitest.
  await install(project, ...PACKAGES.filter((name) => !SUITES.includes(name)).map(tarballOf))
}, 180_000)

/** Without `npx`, which takes longer to start than what it runs. */
function binOf(name: string): string {
  return join(ROOT, 'node_modules/.bin', name)
}

async function install(folder: string, ...packages: readonly string[]): Promise<void> {
  await run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...packages)
}

/** The packed package of a folder. */
function tarballOf(folder: string): string {
  const manifest = readFileSync(join(ROOT, 'packages', folder, 'package.json'), 'utf8')
  const { name } = JSON.parse(manifest) as { name: string }
  const stem = name.replace('@', '').replace('/', '-')
  return join(
    tarballs,
    readdirSync(tarballs).find((file) => file.startsWith(`${stem}-0`))!,
  )
}

// It deletes thousands of files.
afterAll(() => dir[Symbol.dispose](), 60_000)

test('the packed packages work together in an empty project', { timeout: 60_000 }, async () => {
  writeFileSync(
    join(project, 'try.js'),
    `import { createHub } from '@tailrace/hub'
     import { createHandler } from '@tailrace/http/node'
     import { createWebHandler } from '@tailrace/http/web'
     import { openSqliteLog } from '@tailrace/log'
     import { EventSource } from '@tailrace/client'
     import { encodeEvent } from '@tailrace/wire'
     import { startServer } from 'tailrace'
     const log = await openSqliteLog({ path: 'packed.db' })
     const hub = await createHub({ log })
     const [{ id }] = await hub.publish([{ topic: 'packed', data: 'yes' }])
     await hub.close()
     await log.close()
     console.log(/[.][0-9]+$/.test(id), typeof createHandler, typeof createWebHandler, typeof startServer, EventSource.CLOSED, encodeEvent({ data: 'x' }))`,
  )
  expect(await run(project, 'node', 'try.js')).toContain('true function function function 2 data: x')
  expect(await run(project, 'npx', 'tailrace', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test.skipIf(!gcc)(
  'the packed addon is used once the package with its build is installed',
  { timeout: 60_000 },
  async () => {
    const script = `import { loadSend } from '@tailrace/multisend'; console.log(typeof loadSend())`
    writeFileSync(join(project, 'addon.js'), script)
    expect(await run(project, 'node', 'addon.js')).toBe('undefined\n')
    const build = join(ROOT, 'packages/multisend/platforms', `${process.platform}-${process.arch}-gnu`)
    await run(build, 'npm', 'pack', '--pack-destination', dir.path)
    const [tarball] = readdirSync(dir.path).filter((file) => file.endsWith('.tgz'))
    await install(project, join(dir.path, tarball!))
    expect(await run(project, 'node', 'addon.js')).toBe('function\n')
  },
)

test.each(['20', '22.12.0'])(
  'on Node %s the command names the version that it needs in one line',
  { timeout: 120_000 },
  async (version) => {
    const env = await environmentWithNode(version)
    for (const args of [['--version'], ['serve'], ['publish', 'a', 'b']]) {
      const { code, stdout, stderr } = (await exec('npx', ['tailrace', ...args], { cwd: project, env }).catch(
        (error: unknown) => error,
      )) as { code: number; stdout: string; stderr: string }
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(
        new RegExp(
          `^tailrace: Node 22[.]13 or newer is needed, and this is Node ${version}.*: install .*\\n$`,
        ),
      )
    }
  },
)

test(
  'the client, the engine, its protocol and the memory log work on Node 20',
  { timeout: 120_000 },
  async () => {
    writeFileSync(
      join(project, 'old.js'),
      `import { createServer } from 'node:http'
     import { once } from 'node:events'
     import { subscribe } from '@tailrace/client'
     import { parseSubscription } from '@tailrace/http'
     import { createNodeSink } from '@tailrace/http/node'
     import { createHub } from '@tailrace/hub'
     import { createMemoryLog, openSqliteLog } from '@tailrace/log'
     const hub = await createHub({ log: createMemoryLog() })
     const server = createServer((request, response) => {
       const subscription = parseSubscription({ selectors: ['a'], query: new URLSearchParams() })
       hub.subscribe(subscription, () => createNodeSink(response))
     })
     await once(server.listen(0, '127.0.0.1'), 'listening')
     for await (const item of subscribe(\`http://127.0.0.1:\${server.address().port}\`)) {
       if (item.kind === 'live') await hub.publish([{ topic: 'a', data: 'arrived' }])
       if (item.kind !== 'event') continue
       console.log(item.data)
       break
     }
     await hub.close()
     server.closeAllConnections()
     server.close()
     await openSqliteLog({ path: 'old.db' }).catch(({ code, message }) => console.log(code, message))`,
    )
    const { stdout, stderr } = await exec('node', ['old.js'], {
      cwd: project,
      env: await environmentWithNode('20'),
    })
    expect(stdout).toMatch(/^arrived\ncannot-open .* Node 22[.]13 .* Node 20[.].*\n$/)
    expect(stderr).toBe('')
  },
)

test(
  'the program runs without a warning on the oldest Node that it supports',
  { timeout: 120_000 },
  async () => {
    const env = await environmentWithNode('22.13.0')
    expect(await exec('npx', ['tailrace', '--version'], { cwd: project, env })).toMatchObject({ stderr: '' })
    const { stdout, stderr } = await exec('node', ['try.js'], { cwd: project, env })
    expect(stdout).toContain('true function function function 2 data: x')
    expect(stderr).toBe('')
    const args = ['node_modules/tailrace/bin/tailrace.js', 'serve', '--port', '0', '--log', 'sqlite:old.db']
    const hub = spawn('node', args, { cwd: project, env })
    let [banner, complaints] = ['', '']
    hub.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    hub.stdout.on('data', (chunk: Buffer) => (banner += chunk.toString()))
    await expect.poll(() => banner).toMatch(/browser: +\S+\n/)
    const [, address] = /browser: +(\S+)/.exec(banner)!
    const page = await fetch(address!, { headers: { Accept: 'text/html' } })
    expect(await page.text()).toContain('<h1>Tailrace is running</h1>')
    expect(complaints).toBe('')
    hub.kill()
    await once(hub, 'exit')
  },
)

test('the types of the packed packages resolve', { timeout: 60_000 }, async () => {
  writeFileSync(
    join(project, 'try.ts'),
    `import { createHub, type Hub } from '@tailrace/hub'
     import { createMemoryLog, type EventLog } from '@tailrace/log'
     import { subscribe } from '@tailrace/client'
     import { createDecoder } from '@tailrace/wire'
     import { createHandler, type Handler } from '@tailrace/http/node'
     const log: EventLog = createMemoryLog()
     const hub: Hub = await createHub({ log })
     export const handler: Handler = createHandler(hub, { onError() {} })
     createDecoder({ onEvent: ({ data }) => data.length })
     subscribe<{ paid: { total: number } }>('http://localhost').on('paid', ({ data }) => data.total)
     // @ts-expect-error a topic is a text
     await hub.publish([{ topic: 1, data: '' }])`,
  )
  expect(await compile('try.ts')).toBe('')
})

test('the client compiles in a Node project without the types of the DOM', { timeout: 60_000 }, async () => {
  writeFileSync(
    join(project, 'node-client.ts'),
    `import { EventSource, json, publish, subscribe } from '@tailrace/client'
     const { signal } = new AbortController()
     const orders = subscribe<{ paid: { total: number } }>('http://localhost', {
       method: 'POST', body: 'x', credentials: 'include', decode: json, signal,
       headers: async (refused) => ({ authorization: refused ? 'new' : 'old' }),
     })
     orders.on('paid', ({ data, key }) => [data.total.toFixed(), key])
     const source = new EventSource('http://localhost')
     source.onmessage = ({ data, lastEventId }) => [data.length, lastEventId]
     source.onerror = ({ code, status }) => [code, status?.toFixed()]
     EventSource.fromReadableStream(new ReadableStream<Uint8Array>())
     await publish('http://localhost', { data: { total: 12 } }, { headers: { authorization: 'x' } })
     await publish('http://localhost', { key: 'k', remove: true })
     // @ts-expect-error a key is a text
     await publish('http://localhost', { key: 1, data: '' })`,
  )
  expect(await compile('node-client.ts', '--lib', 'es2024')).toBe('')
})

test('the EventSource of the client stands for the one of the DOM', { timeout: 60_000 }, async () => {
  writeFileSync(
    join(project, 'dom-client.ts'),
    `import { EventSource } from '@tailrace/client'
     const source: globalThis.EventSource = new EventSource('/orders')
     const constructor: typeof globalThis.EventSource = EventSource
     globalThis.EventSource = EventSource
     export { constructor, source }`,
  )
  expect(await compile('dom-client.ts', '--lib', 'es2024,dom')).toBe('')
})

test(
  'four lines in an application bring less than 1 MB of other packages',
  { timeout: 120_000 },
  async () => {
    const embedding = join(dir.path, 'embedding')
    mkdirSync(embedding)
    writeFileSync(join(embedding, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    await install(embedding, ...['wire', 'log', 'hub', 'http'].map(tarballOf))
    writeFileSync(
      join(embedding, 'app.js'),
      `import { createServer } from 'node:http'
     import { once } from 'node:events'
     import { createHub } from '@tailrace/hub'
     import { serve } from '@tailrace/http/node'
     const hub = await createHub({ log: 'sqlite:events.db' })
     const server = createServer((request, response) => serve(hub, request, response, { topics: ['users/42'] }))
     await hub.publish('users/42', { type: 'paid', data: { total: 12 } })
     await once(server.listen(0, '127.0.0.1'), 'listening')
     const { body } = await fetch(\`http://127.0.0.1:\${server.address().port}/?from=start\`)
     for await (const text of body.pipeThrough(new TextDecoderStream())) {
       if (!text.includes('total')) continue
       console.log(text.match(/data: (.*total.*)/)[1])
       break
     }
     await hub.close()
     server.close()`,
    )
    expect(await run(embedding, 'node', 'app.js')).toBe('{"total":12}\n')
    const files = readdirSync(join(embedding, 'node_modules'), { recursive: true, withFileTypes: true })
    const others = files.filter((file) => file.isFile() && !file.parentPath.includes('@tailrace'))
    const sizes = others.map(({ parentPath, name }) => statSync(join(parentPath, name)).size)
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(1_000_000)
  },
)

describe('the log of the guide, in a folder outside the repository', () => {
  const outside = join(dir.path, 'outside')
  const guide = readFileSync(join(ROOT, 'docs/guides/writing-a-log.md'), 'utf8')
  const files = Array.from(guide.matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm), ([, name, code]) => [
    name!,
    code!,
  ])

  beforeAll(async () => {
    mkdirSync(outside)
    writeFileSync(join(outside, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    await install(outside, `vitest@${vitestVersion()}`, tarballOf('log'), tarballOf('log-suite'))
    for (const [name, code] of files) writeFileSync(join(outside, name!), code!)
  }, 180_000)

  test('passes the suite', { timeout: 120_000 }, async () => {
    expect(files.map(([name]) => name)).toEqual(['toy-log.ts', 'toy-log.test.ts'])
    const report = await run(outside, 'node_modules/.bin/vitest', 'run', '--no-color')
    expect(report).toMatch(/Tests +\d\d+ passed/)
    expect(report).not.toMatch(/skipped|failed/)
  })

  test('fails it once it breaks the contract', { timeout: 120_000 }, async () => {
    const [, code] = files[0]!
    const broken = code!.replace('found.length < limit', 'found.length <= limit')
    expect(broken).not.toBe(code)
    writeFileSync(join(outside, 'toy-log.ts'), broken)
    await expect(run(outside, 'node_modules/.bin/vitest', 'run', '--no-color')).rejects.toThrow(
      'reads no more events than asked for',
    )
    writeFileSync(join(outside, 'toy-log.ts'), code!)
  })

  test('compiles', { timeout: 60_000 }, async () => {
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess']
    const modules = [
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--skipLibCheck',
      '--allowImportingTsExtensions',
    ]
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node']
    expect(await run(outside, binOf('tsc'), ...options, ...modules, ...types, 'toy-log.test.ts')).toBe('')
  })
})

function vitestVersion(): string {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  return manifest.devDependencies['vitest']!
}

/** Compiles a module of the project with its declarations. @returns the errors of the compiler */
function compile(file: string, ...options: string[]): Promise<string> {
  const types = join(ROOT, 'node_modules/@types')
  return run(
    project,
    binOf('tsc'),
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--skipLibCheck',
    'false',
    '--typeRoots',
    types,
    '--types',
    'node',
    ...options,
    file,
  )
}

test.each(PACKAGES)(
  'publint and attw find no fault in the manifest of %s',
  { timeout: 60_000 },
  async (name) => {
    const tarball = tarballOf(name)
    expect(await run(ROOT, binOf('publint'), 'run', tarball, '--strict')).toContain('All good!')
    const found = await run(ROOT, binOf('attw'), tarball, '--profile', 'esm-only')
    expect(found).toContain(name === 'server' ? 'tailrace' : `@tailrace/${name}`)
  },
)
