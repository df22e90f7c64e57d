import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runCli, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

test('a port that is in use is named, with what to do, before a log is made', async () => {
  using dir = tempDir()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const path = join(dir.path, 'log.db')
  const { code, stderr } = await runCli(['serve', '--port', String(port), '--log', `sqlite:${path}`])
  other.close()
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `tailrace: Port ${port} of 127.0.0.1 is already in use, perhaps by another hub: stop that program, or choose another port with --port.\n`,
  })
  expect(existsSync(path)).toBe(false)
})

test('an address of another machine is named, with what to do', async () => {
  const args = ['serve', '--host', '192.0.2.1', '--anonymous-subscribe', '--port', '0', '--log', 'memory:']
  const { code, stderr } = await runCli(args)
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^tailrace: 192[.]0[.]2[.]1 is not an address of this machine: choose one with --host/,
  )
})
