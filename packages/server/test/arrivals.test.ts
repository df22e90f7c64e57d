import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { makeCertificate, needs, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const STREAM = 'GET /topics/t HTTP/1.1\r\nHost: localhost\r\n\r\n'
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
/** Their requests take much longer than one iteration of the event loop may. */
const CROWD = 300
/** On a busy machine, none of them is cut before its turn. */
const PATIENT = ['--head-timeout', '60s', '--request-timeout', '60s']

let hub: HubProcess

beforeAll(async () => {
  hub = await startHub({ args: PATIENT })
})

afterAll(() => hub[Symbol.asyncDispose]())

/** A connection that is read from the beginning: the order in which answers arrive is the order of the server. */
async function open(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress }).resume()
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Resolves once the hub has accepted all connections that were opened before. */
async function accepted(port: number, ca?: string): Promise<void> {
  const address = { host: '127.0.0.1', port }
  const last = ca === undefined ? connect(address) : connectTls({ ...address, ca })
  last.write(HEALTH)
  await once(last, 'data')
  last.destroy()
}

interface Crowd extends Disposable {
  /** How many of them have received something. */
  answered(): number
  send(bytes: string | Buffer): void
}

/** Clients of one address. */
async function gather(port: number): Promise<Crowd> {
  const sockets = await Promise.all(Array.from({ length: CROWD }, () => open(port, '127.9.0.1')))
  let answered = 0
  for (const socket of sockets) socket.once('data', () => (answered += 1))
  return {
    answered: () => answered,
    send: (bytes) => sockets.forEach((socket) => socket.write(bytes)),
    [Symbol.dispose]: () => sockets.forEach((socket) => socket.destroy()),
  }
}

/** The first bytes of a TLS handshake. A server can answer them any number of times. */
async function recordHello(): Promise<Buffer> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  server.close()
  return hello
}

test('a request on an open connection does not wait for a crowd that has just come', async () => {
  const kept = await open(hub.port, '127.0.0.1')
  kept.write(HEALTH)
  await once(kept, 'data')
  using crowd = await gather(hub.port)
  await accepted(hub.port)
  crowd.send(HEALTH)
  kept.write(HEALTH)
  await once(kept, 'data')
  expect(crowd.answered()).toBeLessThan(CROWD / 2)
  await expect.poll(() => crowd.answered()).toBe(CROWD)
  kept.destroy()
})

test('a newcomer from another network does not wait for the whole crowd', async () => {
  using crowd = await gather(hub.port)
  const other = await open(hub.port, '127.9.0.2')
  await accepted(hub.port)
  crowd.send(STREAM)
  other.write(STREAM)
  await once(other, 'data')
  expect(crowd.answered()).toBeLessThan(CROWD / 2)
  other.destroy()
})

test.skipIf(!needs('openssl'))(
  'a TLS handshake, and a request on an open connection, do not wait for the handshakes of a crowd',
  async () => {
    using dir = tempDir()
    const { cert, key, pem } = makeCertificate(dir.path)
    await using secure = await startHub({ args: [...PATIENT, '--tls-cert', cert, '--tls-key', key] })
    const kept = connectTls({ host: '127.0.0.1', port: secure.port, ca: pem })
    kept.write(HEALTH)
    await once(kept, 'data')
    const hello = await recordHello()
    using crowd = await gather(secure.port)
    const other = await open(secure.port, '127.9.0.2')
    await accepted(secure.port, pem)
    crowd.send(hello)
    other.write(hello)
    kept.write(HEALTH)
    await Promise.all([once(kept, 'data'), once(other, 'data')])
    expect(crowd.answered()).toBeLessThan(CROWD / 2)
    await expect.poll(() => crowd.answered()).toBe(CROWD)
    kept.destroy()
    other.destroy()
  },
)

// Whose kernel completes connections before a program accepts them.
describe.skipIf(process.platform !== 'linux')('a hub that is busy', () => {
  test('has a thousand connections wait until it accepts them', async () => {
    process.kill(hub.pid, 'SIGSTOP')
    const sockets = await Promise.all(Array.from({ length: 1_000 }, () => open(hub.port, '127.9.0.1')))
    process.kill(hub.pid, 'SIGCONT')
    expect(sockets).toHaveLength(1_000)
    await accepted(hub.port)
    for (const socket of sockets) socket.destroy()
  })
})
