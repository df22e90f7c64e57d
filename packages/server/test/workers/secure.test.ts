import { copyFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { makeCertificate, needs, startHub, tempDir } from '@tailrace/testkit'
import type { Certificate, HubProcess, TempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenOf, isThere } from './children.ts'
import { ask } from './request.ts'

const openssl = needs('openssl')
/** That the same worker gets all of these connections has a chance of 1 in 500,000. */
const MANY = 20

let dir: TempDir
let certificate: Certificate
let hub: HubProcess

beforeAll(async () => {
  dir = tempDir()
  if (!openssl) return
  certificate = makeCertificate(dir.path)
  const files = ['--tls-cert', certificate.cert, '--tls-key', certificate.key]
  hub = await startHub({ log: `sqlite:${dir.path}/log.db`, args: ['--workers', '2', ...files] })
}, 30_000)

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]()
  dir[Symbol.dispose]()
})

async function shake(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: hub.port, ...options })
  await once(socket, 'secureConnect')
  return socket
}

describe.skipIf(!openssl)('workers over TLS', () => {
  test('a session that began at one worker is resumed at each', async () => {
    const ca = certificate.pem
    const first = connect({ host: '127.0.0.1', port: hub.port, ca, maxVersion: 'TLSv1.2' })
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    for (let i = 0; i < MANY; i += 1) {
      const socket = await shake({ ca, session, maxVersion: 'TLSv1.2' })
      expect(socket.isSessionReused()).toBe(true)
      socket.destroy()
    }
  })

  test('a certificate that is replaced is served by all workers, and each says so', async () => {
    const next = makeCertificate(dir.path, 'next')
    copyFileSync(next.key, certificate.key)
    copyFileSync(next.cert, certificate.cert)
    await expect
      .poll(
        async () => {
          const sockets = await Promise.all(
            Array.from({ length: MANY }, () => shake({ rejectUnauthorized: false })),
          )
          const names = sockets.map((socket) => socket.getPeerCertificate().subject.CN)
          for (const socket of sockets) socket.destroy()
          return new Set(names)
        },
        { timeout: 20_000 },
      )
      .toEqual(new Set(['next']))
    for (const worker of [1, 2])
      expect(hub.output()).toContain(`tailrace: worker ${worker}: the certificate was reloaded\n`)
  }, 30_000)

  test('if the supervisor dies, its children end, and leave the port and the log to the next one', async () => {
    const children = childrenOf(hub.pid)
    expect(children).toHaveLength(3)
    await hub.kill('SIGKILL')
    await expect.poll(() => children.filter(({ pid }) => isThere(pid)), { timeout: 10_000 }).toEqual([])
    await using next = await startHub({ log: `sqlite:${dir.path}/log.db`, port: hub.port })
    expect((await ask(`${next.url}/readyz`)).status).toBe(200)
  }, 30_000)
})
