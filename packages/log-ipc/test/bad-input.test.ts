import { randomBytes } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { once } from 'node:events'
import { createMemoryLog, openLog, type LogError } from '@tailrace/log'
import { expectRejection } from '@tailrace/log-suite'
import { createRandom, testSeed } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

import { openIpcLog, serveLog } from '../src/index.ts'
import { FRAME, PROTOCOL, VERSION } from '../src/protocol/protocol.ts'
import { follow } from './follow.ts'
import { freeSocket, open, serve } from './owned.ts'

function frameOf(kind: number, body: Buffer | object): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  const head = Buffer.alloc(5)
  head.writeUInt32LE(bytes.length + 1)
  head[4] = kind
  return Buffer.concat([head, bytes])
}

const HELLO = frameOf(FRAME.hello, { protocol: PROTOCOL, version: VERSION })

/** Sends bytes, and resolves with the answer once the owner has ended the connection. */
async function send(socket: string, ...chunks: readonly Buffer[]): Promise<Buffer> {
  const client = connect(socket)
  const received: Buffer[] = []
  client.on('data', (chunk) => received.push(chunk))
  client.on('error', () => {})
  for (const chunk of chunks) client.write(chunk)
  await once(client, 'close')
  return Buffer.concat(received)
}

/** Something that is not the owner of a log. */
async function listen(path: string, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    accept(socket)
  })
  await once(server.listen(path), 'listening')
  onTestFinished(() => void server.close())
  return server
}

describe('the owner of a log', () => {
  test('refuses a node of another version, and says which versions there are', async () => {
    const { socket } = await serve()
    const hello = frameOf(FRAME.hello, { protocol: PROTOCOL, version: 99 })
    const answer = await send(socket, hello)
    expect(answer[4]).toBe(FRAME.refused)
    const refusal = JSON.parse(answer.subarray(5).toString()) as LogError
    expect(refusal).toMatchObject({ code: 'incompatible', details: { version: 99, served: VERSION } })
    expect(refusal.message).toContain('the same release')
  })

  test('cuts off whatever does not keep to the protocol, and serves everybody else', async () => {
    const { socket, url } = await serve()
    const log = await open(url)
    const followed = await follow(log)
    const random = createRandom(testSeed())
    const noise = (): Buffer => randomBytes(random.int(1, 5_000))
    const tooLong = Buffer.alloc(5, 0xff)
    const attempts = [
      [Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
      [Buffer.alloc(4)],
      [tooLong],
      [frameOf(FRAME.hello, Buffer.alloc(2_000))],
      [frameOf(FRAME.hello, Buffer.from('{'))],
      [frameOf(FRAME.append, Buffer.alloc(100))],
      [HELLO, tooLong],
      [HELLO, frameOf(99, Buffer.alloc(0))],
      [HELLO, frameOf(FRAME.append, Buffer.alloc(9, 0xff))],
      [HELLO, frameOf(FRAME.call, Buffer.alloc(9))],
      [HELLO, frameOf(FRAME.events, Buffer.alloc(9))],
      ...Array.from({ length: 50 }, () => [HELLO, frameOf(random.int(0, 20), noise())]),
    ]
    for (const attempt of attempts) await send(socket, ...attempt)
    const [appended] = await log.append([{ topic: 'a', data: 'still there' }])
    await expect.poll(() => followed.events.at(-1)?.offset).toBe(appended!.offset)
    expect(followed.states).toEqual([])
  })

  test('serves in a private folder only', async () => {
    const socket = freeSocket()
    chmodSync(dirname(socket), 0o750)
    const refused = await expectRejection(serveLog(createMemoryLog(), socket), 'cannot-open')
    expect(refused.message).toContain('0700')
  })

  test('does not take the place of another one that runs', async () => {
    const { socket, url } = await serve()
    await expectRejection(serveLog(createMemoryLog(), socket), 'locked')
    await expect((await open(url)).ready()).resolves.toBeUndefined()
  })

  test('refuses a path that the system would cut off', async () => {
    const path = `/tmp/${'x'.repeat(100)}`
    await expect(serveLog(createMemoryLog(), path)).rejects.toThrow(RangeError)
    await expect(openIpcLog({ url: `ipc:${path}` })).rejects.toThrow(RangeError)
  })
})

describe('a node', () => {
  test.each(['ipc:', 'ipc', 'redis://localhost'])('refuses the URL %s', async (url) => {
    await expect(openIpcLog({ url })).rejects.toThrow(RangeError)
  })

  test('takes no password', async () => {
    await expect(openLog('ipc:/tmp/log', { password: 'secret' })).rejects.toThrow(RangeError)
  })

  test('says that another version is served', async () => {
    const path = freeSocket()
    const refusal = { code: 'incompatible', message: 'another release', details: {} }
    await listen(path, (socket) => socket.end(frameOf(FRAME.refused, refusal)))
    expect(await expectRejection(openIpcLog({ url: `ipc:${path}` }), 'incompatible')).toMatchObject(refusal)
  })

  test('says that something else listens', async () => {
    const path = freeSocket()
    await listen(path, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect((await expectRejection(openIpcLog({ url: `ipc:${path}` }), 'foreign')).message).toContain(path)
  })

  test('waits for an owner that starts later', async () => {
    const path = freeSocket()
    const log = await openLog(`ipc:${path}`)
    onTestFinished(() => log.close())
    await expectRejection(log.describe(), 'unreachable')
    const server = await serveLog(createMemoryLog(), path)
    onTestFinished(() => server.close())
    await expect.poll(() => log.append([{ topic: 'a', data: '' }]).catch(() => [])).toHaveLength(1)
  })
})
