import { setDefaultCACertificates, getCACertificates } from 'node:tls'

import type { LogError } from '@tailrace/log'

import { freePort, makeCertificate, needs, startFlakyProxy, tempDir } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

import { connectTo } from './connect-to.ts'
import { follow, publish, readAll, texts } from './readers.ts'
import { open, start } from './start.ts'

const redis = needs('redis')
const openssl = needs('openssl')

/** How three nodes share the slots of a cluster. */
const SLOTS = [
  ['0', '5000'],
  ['5001', '10000'],
  ['10001', '16383'],
]

/** A server, a replica behind a network that can be held up, and a Sentinel that watches both. */
async function startPair() {
  const master = await start()
  const network = await startFlakyProxy({ host: '127.0.0.1', port: master.port })
  onTestFinished(() => network.close())
  const replica = await start({
    config: [`replicaof 127.0.0.1 ${network.port}`, 'repl-diskless-sync-delay 0'],
  })
  using admin = await connectTo(replica)
  await expect.poll(() => admin.send('INFO', 'replication')).toContain('master_link_status:up')
  const sentinel = await start({
    sentinel: true,
    config: [
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds main 500',
      // Before that, a Sentinel does not mind how the replica is connected.
      'sentinel failover-timeout main 60000',
    ],
  })
  using watcher = await connectTo(sentinel)
  await expect.poll(() => watcher.send('SENTINEL', 'REPLICAS', 'main')).toHaveLength(1)
  const url = `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/main`
  return { master, replica, network, url }
}

describe.skipIf(!redis)('a log behind Sentinels', () => {
  test('continues on the replica that takes over, if that has everything', async () => {
    const { master, replica, url } = await startPair()
    const log = await open({ url })
    const { epoch } = await log.describe()
    const tail = await follow(log)
    for (let i = 0; i < 10; i += 1) await publish(log, `${i}`)
    using admin = await connectTo(replica)
    await expect.poll(() => admin.send('XLEN', '{tailrace}:log')).toBe(11)
    await master.kill()
    expect(await tail.interrupted).toMatchObject({ code: 'unreachable' })
    await tail.resumed
    await publish(log, 'after')
    expect((await log.describe()).epoch).toBe(epoch)
    expect(texts(await readAll(log))).toEqual([...Array.from({ length: 10 }, (_, i) => `${i}`), 'after'])
    await tail.until((events) => events.length === 11)
    expect(texts(tail.events)).toEqual([...Array.from({ length: 10 }, (_, i) => `${i}`), 'after'])
  })

  test('has another epoch if the replica that takes over lacks acknowledged events', async () => {
    const { master, network, url } = await startPair()
    const log = await open({ url })
    const { epoch } = await log.describe()
    const tail = await follow(log)
    network.pauseAll()
    const lost = await publish(log, 'lost')
    await master.kill()
    expect(await tail.failure).toMatchObject({ code: 'replaced' })
    const again = await open({ url })
    expect((await again.describe()).epoch).not.toBe(epoch)
    expect(await publish(again, 'new')).toBeGreaterThan(lost)
    expect(texts(await readAll(again))).toEqual(['new'])
  })
})

const ROUNDS = process.env['TAILRACE_LONG'] === '1' ? [1, 2, 3, 4, 5] : [1]
describe.skipIf(!redis)('a failover under load', () => {
  test.for(ROUNDS)('loses nothing without another epoch (round %i)', async () => {
    const { master, url } = await startPair()
    const log = await open({ url })
    const { epoch } = await log.describe()
    const tail = await follow(log)
    const acknowledged: number[] = []
    const over = new AbortController()
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let i = 0; !over.signal.aborted; i += 1) {
        const offset = await publish(log, `${writer}.${i}`).catch((error: LogError) => {
          if (error.code === 'replaced') over.abort()
        })
        if (offset === undefined) await new Promise(setImmediate)
        else acknowledged.push(offset)
      }
    })
    await expect.poll(() => acknowledged.length).toBeGreaterThan(500)
    await master.kill()
    await Promise.race([tail.resumed, tail.failure])
    over.abort()
    await Promise.all(writers)
    const again = await open({ url })
    const stored = new Set((await readAll(again)).map(({ offset }) => offset))
    const lost = acknowledged.filter((offset) => !stored.has(offset))
    const isOther = (await again.describe()).epoch !== epoch
    console.info(
      `${acknowledged.length} acknowledged, ${lost.length} lost, ${isOther ? 'another' : 'the same'} epoch`,
    )
    expect(lost.length === 0 || isOther).toBe(true)
  })
})

describe.skipIf(!redis)('a log in a cluster', () => {
  test('is found through any node', async () => {
    const ports = await Promise.all([1, 2, 3].map(freePort))
    const nodes = await Promise.all(
      ports.map((port) =>
        start({ config: ['cluster-enabled yes', 'cluster-node-timeout 2000', `cluster-port ${port}`] }),
      ),
    )
    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`)
    for (const [i, node] of nodes.entries()) {
      using admin = await connectTo(node)
      await admin.send('CLUSTER', 'ADDSLOTSRANGE', ...SLOTS[i]!)
      await admin.send('CLUSTER', 'SET-CONFIG-EPOCH', `${i + 1}`)
      await admin.send('CLUSTER', 'MEET', '127.0.0.1', `${nodes[0]!.port}`, `${ports[0]}`)
    }
    for (const node of nodes) {
      using admin = await connectTo(node)
      await expect.poll(() => admin.send('CLUSTER', 'INFO')).toContain('cluster_state:ok')
      await expect.poll(() => admin.send('CLUSTER', 'SLOTS')).toHaveLength(3)
    }
    const logs = []
    for (const host of hosts) logs.push(await open({ url: `redis+cluster://${host}` }))
    await publish(logs[0]!, 'found')
    for (const log of logs) {
      expect(texts(await readAll(log))).toEqual(['found'])
      expect(await log.describe()).toEqual(await logs[0]!.describe())
    }
    await logs[1]!.retention.purge('a')
    await logs[2]!.retention.trim([{ selector: '**', maxCount: 0 }], Date.now())
    await logs[0]!.ready()
  })
})

describe.skipIf(!redis || !openssl)('a log over TLS', () => {
  test('is opened only if the certificate is trusted', async () => {
    using dir = tempDir()
    const certificate = makeCertificate(dir.path)
    const { url } = await start({ tls: certificate, password: 'geheim & more' })
    expect(url).toMatch(/^rediss:/)
    const untrusting = await open({ url })
    const error: unknown = await untrusting.ready().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining('certificate') })
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('geheim')
    const trusted = getCACertificates()
    setDefaultCACertificates([...trusted, certificate.pem])
    onTestFinished(() => setDefaultCACertificates(trusted))
    const log = await open({ url })
    await publish(log, 'secure')
    expect(texts(await readAll(log))).toEqual(['secure'])
  })
})
