import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { freePort, startService } from '@tailrace/testkit'

const SERVICE = fileURLToPath(new URL('../src/service.ts', import.meta.url))

/** Says something, then listens. */
const SERVER = `
  const { createServer } = require('node:net')
  const port = Number(process.argv[1])
  console.log('about to listen')
  createServer((socket) => socket.end('hello')).listen(port, '127.0.0.1')
`

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

test('a service accepts once it has started, and no more once it has stopped; its port is free again', async () => {
  const port = await freePort()
  for (let round = 0; round < 2; round += 1) {
    await using service = await startService({
      command: process.execPath,
      args: ['-e', SERVER, String(port)],
      port,
    })
    expect(await accepts(port)).toBe(true)
    expect(service.output()).toBe('about to listen\n')
    await service.stop()
    expect(await accepts(port)).toBe(false)
  }
})

test('one that exits before it accepts rejects with its output', async () => {
  const args = ['-e', 'console.error("no such option")']
  const starting = startService({ command: process.execPath, args, port: await freePort() })
  await expect(starting).rejects.toThrow(/exited; its output:\nno such option/)
})

test.skipIf(process.platform !== 'linux')(
  'it goes with whoever started it, however that one ends',
  async () => {
    const port = await freePort()
    const source = `
    import { startService } from ${JSON.stringify(SERVICE)}
    await startService({ command: process.execPath, args: ['-e', ${JSON.stringify(SERVER)}, '${port}'], port: ${port} })
    console.log('started')
  `
    const starter = spawn(process.execPath, ['--input-type=module', '-e', source])
    await once(starter.stdout, 'data')
    expect(await accepts(port)).toBe(true)
    starter.kill('SIGKILL')
    await expect.poll(() => accepts(port), { timeout: 10_000 }).toBe(false)
  },
)
