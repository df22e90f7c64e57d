import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { runCli, spawnCli, startHub, tempDir, type TempDir } from '@tailrace/testkit'

let dir: TempDir

beforeEach(() => {
  dir = tempDir()
})

afterEach(() => {
  dir[Symbol.dispose]()
})

function program(source: string): string {
  const main = join(dir.path, 'main.ts')
  writeFileSync(main, source)
  return main
}

const HUB = `
  import { createServer } from 'node:http'
  const server = createServer((_, response) => response.end(JSON.stringify(process.argv.slice(2))))
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write('Tailrace\\n  listens at http://127.0.0.1:' + server.address().port + '\\n')
    console.error('on stderr')
  })
`

test('a hub starts, answers, and dies by the signal that it gets', async () => {
  const hub = await startHub({ main: program(HUB), args: ['--flag'] })
  const argv = (await (await fetch(hub.url)).json()) as string[]
  expect(argv).toEqual(['serve', '--port', '0', '--log', expect.stringMatching(/^sqlite:.*db$/), '--flag'])
  const folder = argv[4]?.replace('sqlite:', '').replace('/tailrace.db', '') ?? ''
  expect(existsSync(folder)).toBe(true)

  expect(await hub.kill()).toEqual({ code: null, signal: 'SIGTERM' })

  expect(existsSync(folder)).toBe(false)
  expect(hub.output()).toContain(`listens at ${hub.url}`)
  expect(hub.output()).toContain('on stderr')
})

test('disposing kills a hub that ignores SIGTERM', async () => {
  const hub = await startHub({ main: program(`process.on('SIGTERM', () => {})\n${HUB}`), log: 'memory:' })
  await hub[Symbol.asyncDispose]()
  expect(await hub.exited).toEqual({ code: null, signal: 'SIGKILL' })
})

test('a hub that exits before it listens rejects with its output', async () => {
  const main = program(`console.error('the log is locked'); process.exit(3)`)
  await expect(startHub({ main })).rejects.toThrow(
    /exited before it listened \(code 3\).*\nthe log is locked/,
  )
})

test('output is kept up to its bound, the newest of it', async () => {
  const main = program(`for (let line = 0; line < 100_000; line++) console.log('line ' + line)\n${HUB}`)
  await using hub = await startHub({ main })
  expect(hub.output().length).toBeLessThanOrEqual(64 * 1024)
  expect(hub.output()).toContain(hub.url)
})

test('a command runs to its end with input, environment and exit code', async () => {
  const main = program(`
    let input = ''
    for await (const chunk of process.stdin) input += chunk
    console.log(input + process.env['GIVEN'] + process.env['VITEST'])
    console.error('oops')
    process.exitCode = 2
  `)
  const result = await runCli([], { main, input: 'hé ', env: { GIVEN: 'env ' } })
  expect(result).toEqual({ code: 2, signal: null, stdout: 'hé env undefined\n', stderr: 'oops\n' })
})

test('a command is ended by its signal', async () => {
  const main = program(`setInterval(() => {}, 1000)`)
  const abort = new AbortController()
  const running = runCli([], { main, signal: abort.signal })
  abort.abort()
  expect(await running).toMatchObject({ code: null, signal: 'SIGTERM' })
})

test('lines come one by one, whole, and the end is told', async () => {
  const main = program(`
    process.stdout.write('one\\ntw')
    process.stdout.write('o \\u2028 still\\nlast')
  `)
  await using cli = spawnCli([], { main })
  expect(await cli.nextLine()).toBe('one')
  expect(await cli.nextLine()).toBe('two \u2028 still')
  expect(await cli.nextLine()).toBe('last')
  await expect(cli.nextLine()).rejects.toThrow('no more lines')
  expect(await cli.exited).toEqual({ code: 0, signal: null })
})

test('a command whose lines nobody takes is held back, and goes on when they are taken', async () => {
  const main = program(`
    let line = 0
    function more() { while (line < 200_000) if (!process.stdout.write('line ' + line++ + '\\n')) return process.stdout.once('drain', more) }
    more()
  `)
  await using cli = spawnCli([], { main })
  let line = 0
  while (line < 200_000 && (await cli.nextLine()) === `line ${line}`) line++
  expect(line).toBe(200_000)
  expect(await cli.exited).toEqual({ code: 0, signal: null })
})
