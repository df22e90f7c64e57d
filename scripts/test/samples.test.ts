import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { tempDir } from '@tailrace/testkit'
import type { TempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outsideEnvironment, ROOT } from './checkout.ts'
import { APPS, LOGS } from './packages.ts'

/** The TypeScript in the README of a package, or in a guide. Each block is a separate program. */
function samplesOf(name: string): { readonly code: string; readonly isRun: boolean }[] {
  const file = GUIDES.includes(name) ? `docs/${name}.md` : `packages/${name}/README.md`
  const markdown = readFileSync(join(ROOT, file), 'utf8')
  return [...markdown.matchAll(/^```ts *(\w*)\n([\s\S]*?)^```$/gm)].map(([, mark, code]) => ({
    code: code!,
    isRun: mark === 'run',
  }))
}

let dir: TempDir

beforeAll(() => {
  dir = tempDir()
  // Fastify and Express are dependencies of the tests of `http`.
  symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'))
  writeFileSync(join(dir.path, 'package.json'), '{ "type": "module" }')
})

afterAll(() => dir[Symbol.dispose]())

const GUIDES = [
  'guides/typed-topics',
  'guides/mcp',
  'guides/embedding',
  'guides/frameworks',
  'guides/llm-streaming',
  'guides/migrating-from-resumable-stream',
]

const DOCUMENTED = ['hub', 'http', ...APPS, ...LOGS, 'server', ...GUIDES]

/** As one program, which parses the sources once. Each README has a folder, since it names some of its samples. */
test('the samples of packages and guides compile with tsc --strict', () => {
  const counts = DOCUMENTED.map((name) => {
    const folder = join(dir.path, 'samples', name)
    mkdirSync(folder, { recursive: true })
    const samples = samplesOf(name)
    for (const [i, { code }] of samples.entries()) {
      // A sample that begins with the name of its file can be imported by those after it.
      const file = /^\/\/ (\w+\.ts)\n/.exec(code)?.[1] ?? `${i}.ts`
      writeFileSync(join(folder, file), `${code}export {}\n`)
    }
    return [name, samples.length]
  })
  expect(counts.filter(([, count]) => count === 0)).toEqual([])
  const compilerOptions = {
    noEmit: true,
    strict: true,
    module: 'nodenext',
    target: 'es2024',
    skipLibCheck: true,
    // The sources that the samples are compiled against satisfy this option as well.
    exactOptionalPropertyTypes: true,
    customConditions: ['@tailrace/source'],
    allowImportingTsExtensions: true,
    types: ['node'],
  }
  const config = join(dir.path, 'samples/tsconfig.json')
  writeFileSync(config, JSON.stringify({ compilerOptions, include: ['**/*.ts'] }))
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const { status, stdout } = spawnSync(tsc, ['--project', config], { cwd: dir.path, encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

/** Runs the first sample of a README on a free port. Resolves with its address once it responds. */
async function start(name: string): Promise<{ url: string; stop(): Promise<string> }> {
  const port = await freePort()
  const [sample] = samplesOf(name).filter(({ isRun }) => isRun)
  const file = `${name}-run.ts`
  const code = sample!.code.replaceAll('8080', String(port)).replaceAll('events.db', `${name}.db`)
  writeFileSync(join(dir.path, file), code)
  const env = { ...outsideEnvironment(), API_KEY: 'key' }
  const child = spawn(process.execPath, ['--conditions=@tailrace/source', file], { cwd: dir.path, env })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const url = `http://localhost:${port}`
  await expect.poll(() => fetch(url).catch(() => undefined)).toBeDefined()
  return {
    url,
    async stop() {
      expect(child.exitCode).toBe(null)
      child.kill()
      await once(child, 'exit')
      return (await output).join('')
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('the server in the README of the engine serves a reader, and outlives one that asks for nonsense', async () => {
  const { url, stop } = await start('hub')
  for (const query of ['?x=1', '?conflate=1']) {
    expect((await fetch(`${url}/${query}`)).status).toBe(400)
  }
  const reading = new AbortController()
  const { body } = await fetch(`${url}/?from=start`, { signal: reading.signal })
  let received = ''
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    received += chunk
    if (received.includes('tailrace.live')) break
  }
  expect(received).toContain('data: {"total":12}')
  reading.abort()
  expect(await stop()).toBe('')
})

test.each(['http', 'server'])('the server in the README of %s allows what its gate does', async (name) => {
  const { url, stop } = await start(name)
  const publish = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/topics/orders/42`, { method: 'POST', body: '{"total":12}', headers })
  expect((await publish({})).status).toBe(403)
  expect((await publish({ Authorization: 'Bearer key' })).status).toBe(201)
  const history = await fetch(`${url}/topics/public/news`, { headers: { Accept: 'application/json' } })
  expect(await history.json()).toMatchObject({ events: [{ topic: 'public/news' }] })
  expect(await stop()).toBe('')
})
