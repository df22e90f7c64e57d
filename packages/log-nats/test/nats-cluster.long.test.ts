import { expectRejection } from '@tailrace/log-suite'
import { needs, startNatsCluster, type NatsCluster, type NatsServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { becomesReady, record, startLoad } from './audit.ts'
import { administer, openNode } from './opening.ts'

const nats = needs('nats')

describe.runIf(nats)('a NATS log in a cluster', { timeout: 180_000 }, () => {
  let cluster: NatsCluster
  beforeAll(async () => {
    cluster = await startNatsCluster()
    await using node = await openNode(`${cluster.url}/ready`)
    await becomesReady(node.log)
  }, 60_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  async function leaderOf(stream: string): Promise<NatsServer> {
    const name = await administer(
      cluster.servers[0]!,
      async ({ streams }) => (await streams.info(stream)).cluster?.leader,
    )
    return cluster.servers.find(({ port }) => name === `nats-${port}`)!
  }

  test('has three replicas, and warns of fewer', async () => {
    const config = await administer(
      cluster.servers[0]!,
      async ({ streams }) => (await streams.info('ready')).config,
    )
    expect(config.num_replicas).toBe(3)
    const warnings: string[] = []
    await using node = await openNode(`${cluster.url}/one?replicas=1`, { warn: (one) => warnings.push(one) })
    await node.log.ready()
    expect(warnings.join()).toContain('has one replica')
    const error = await expectRejection(
      openNode(`${cluster.url}/one`, { requireDurable: true }),
      'not-durable',
    )
    expect(error.message).toContain('nats stream edit one --replicas 3')
  })

  test('keeps whatever it acknowledged when the leader of its stream is killed, again and again', async () => {
    await using one = await openNode(`${cluster.url}/killed`)
    await using other = await openNode(`${cluster.url}/killed`)
    const tails = [await record(one.log), await record(other.log)]
    const load = startLoad([one.log, other.log])
    for (let round = 0; round < 4; round += 1) {
      await load.more(200)
      const leader = await leaderOf('killed')
      await leader.stop('SIGKILL')
      await load.more(200)
      await leader.start()
      for (const { log } of [one, other]) await becomesReady(log)
    }
    const stored = await load.audit()
    for (const { events, failures } of tails) {
      expect(events).toEqual(stored)
      expect(failures).toEqual([])
    }
  })

  test('continues when all servers are restarted, one after another', async () => {
    await using one = await openNode(`${cluster.url}/rolled`)
    await using other = await openNode(`${cluster.url}/rolled`)
    const tail = await record(one.log)
    const load = startLoad([one.log, other.log])
    for (const server of cluster.servers) {
      await load.more(100)
      await server.stop()
      await load.more(100)
      await server.start()
      // The next one goes only when this one is in the group again, as in any careful deploy.
      await expect
        .poll(
          async () => {
            const info = await administer(server, ({ streams }) => streams.info('rolled')).catch(
              () => undefined,
            )
            return info?.cluster?.replicas?.every(({ current }) => current)
          },
          { timeout: 60_000 },
        )
        .toBe(true)
    }
    const stored = await load.audit()
    expect(tail.events).toEqual(stored)
    expect(tail.failures).toEqual([])
  })

  test('stores nothing without a majority, and continues with one', async () => {
    await using node = await openNode(`${cluster.url}/minority`)
    const tail = await record(node.log)
    await node.log.append([{ topic: 'a', data: 'before' }])
    const [, ...lost] = cluster.servers
    for (const server of lost) await server.stop('SIGKILL')
    const outcome = await node.log.append([{ topic: 'a', data: 'during' }]).then(String, ({ code }) => code)
    expect(['unreachable', 'outcome-unknown']).toContain(outcome)
    for (const server of lost) await server.start()
    await becomesReady(node.log)
    await node.log.append([{ topic: 'a', data: 'after' }])
    const data = tail.events.map((event) => event.data).filter((one) => one !== 'during')
    expect(data).toEqual(['before', 'after'])
    expect(tail.failures).toEqual([])
  })
})
