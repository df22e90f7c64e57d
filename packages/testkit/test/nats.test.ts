import { needs, startNats, startNatsCluster } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

interface Varz {
  readonly jetstream: { readonly config: { readonly store_dir: string } }
}

const nats = needs('nats')

describe.skipIf(!nats)('a NATS server', () => {
  test('keeps its port and its data when it is killed and started again', async () => {
    await using server = await startNats()
    const before = await server.monitor('/varz')
    await server.stop('SIGKILL')
    await server.start()
    expect(await server.monitor('/varz')).toMatchObject({
      port: server.port,
      jetstream: { config: { store_dir: (before as Varz).jetstream.config.store_dir } },
    })
  })

  test('goes back to its backup', async () => {
    await using server = await startNats()
    await server.stop()
    server.backUp()
    server.restore()
    await server.start()
    expect(await server.monitor('/varz')).toMatchObject({ port: server.port })
  })

  test('takes more lines of configuration', async () => {
    await using server = await startNats({ jetStream: false, config: 'max_payload: 4KB' })
    const settings = await server.monitor('/varz')
    expect(settings).toMatchObject({ max_payload: 4096, jetstream: {} })
    expect(settings).not.toHaveProperty('jetstream.config')
  })

  test('finds the others of its cluster', async () => {
    await using cluster = await startNatsCluster()
    expect(cluster.servers).toHaveLength(3)
    await expect.poll(() => cluster.servers[0]!.monitor('/routez')).toMatchObject({ num_routes: 2 })
  })
})
