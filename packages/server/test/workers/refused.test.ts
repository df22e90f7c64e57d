import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openSqliteLog } from '@tailrace/log'
import { runCli, spawnCli, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { SERVE_SETTINGS } from '../../src/cli/serve-settings.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { resolve } from '../../src/cli/verb.ts'
import { ListenError } from '../../src/net/listen.ts'
import { workersFor } from '../../src/workers/room.ts'

const GIB = 1024 ** 3

test.each(['0', '-1', '1.5', 'two', '1e2', '257', '1000', ''])('%j is no number of workers', (text) => {
  expect(() => resolve(SERVE_SETTINGS, { argv: [`--workers=${text}`], env: {} })).toThrow(
    text === ''
      ? '--workers cannot be empty'
      : `--workers must be a number of processes from 1 to 256, or auto, not "${text}"`,
  )
})

test('there are no more workers than memory and open files allow', () => {
  expect(workersFor(16, 8 * GIB, 1_024)).toBe(16)
  expect(() => workersFor(16, GIB, 1_024)).toThrow(
    new UsageError('--workers must be at most 14 with 1024 MiB of memory'),
  )
  expect(() => workersFor(100, 64 * GIB, 128)).toThrow(
    /^--workers must be at most 64 with a limit of 128 open files: /,
  )
  expect(workersFor('auto', 64 * GIB, 65)).toBe(1)
  expect(workersFor('auto', 64 * GIB, 1_024)).toBeGreaterThanOrEqual(1)
  expect(workersFor(1, 1, 1)).toBe(1)
})

test('a port that another program shares is not shared with it, and no log is made', async () => {
  using dir = tempDir()
  const other = createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true })
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const path = join(dir.path, 'log.db')
  const args = ['serve', '--workers', '2', '--port', `${port}`, '--log', `sqlite:${path}`]
  const { code, stdout, stderr } = await runCli(args)
  other.close()
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: `tailrace: Port ${port} of 127.0.0.1 is already in use, perhaps by another hub: stop that program, or choose another port with --port.\n`,
  })
  expect(existsSync(path)).toBe(false)
})

test('of two hubs that start at the same time on one port, one starts', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  other.close()
  await once(other, 'close')
  const args = ['serve', '--workers', '2', '--port', `${port}`, '--log', 'memory:']
  await using one = spawnCli(args)
  await using two = spawnCli(args)
  const refused = await Promise.race([one, two].map(async (hub) => ({ hub, ...(await hub.exited) })))
  expect(refused.code).toBe(1)
  expect(refused.hub.output()).toContain(`Port ${port} of 127.0.0.1 is already in use`)
  const started = refused.hub === one ? two : one
  expect(await started.nextLine(30_000)).toBe('')
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200)
})

test('a system that does not distribute connections is named as the reason', () => {
  const { message } = new ListenError('port-not-shareable', { host: '::1', port: 1 }, {})
  expect(message).toBe(
    'This system cannot distribute the connections of one port among processes: start the hub without --workers.',
  )
})

test('a log that another process has open is refused as by one process', async () => {
  using dir = tempDir()
  const log = `sqlite:${join(dir.path, 'log.db')}`
  const other = await openSqliteLog({ path: join(dir.path, 'log.db') })
  const [one, two] = await Promise.all([
    runCli(['serve', '--port', '0', '--log', log]),
    runCli(['serve', '--port', '0', '--log', log, '--workers', '2']),
  ])
  await other.close()
  expect(two).toEqual(one)
  expect(two.code).toBe(1)
})

test('what keeps a worker from starting ends the hub, once', async () => {
  using dir = tempDir()
  const secret = join(dir.path, 'secret')
  writeFileSync(secret, 'short')
  const args = ['serve', '--port', '0', '--log', 'memory:', '--jwt-secret-file', secret]
  const [one, two] = await Promise.all([runCli(args), runCli([...args, '--workers', '2'])])
  expect(two).toEqual(one)
  expect(two.code).toBe(64)
})
