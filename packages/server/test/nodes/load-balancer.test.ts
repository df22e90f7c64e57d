import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { publish } from '@tailrace/client'
import { freePort, needs, startHub, startService, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTopic } from '../support/audit.ts'
import { configureLoadBalancer } from './load-balancer.ts'

const COUNT = 20

describe.skipIf(!needs('haproxy'))(
  'a hub that exits in the middle of a publish, before a hub that does not',
  () => {
    const stack = new AsyncDisposableStack()
    let url: string
    let hubUrl: string
    /** Publishes that have vanished with the first hub. */
    let vanished = 0

    beforeAll(async () => {
      const leaving = createServer((request, response) => {
        if (request.method !== 'POST') {
          response.end()
          return
        }
        vanished += 1
        request.socket.destroy()
      })
      leaving.listen(0, '127.0.0.1')
      await once(leaving, 'listening')
      stack.defer(() => void leaving.close())
      const { path: folder } = stack.use(tempDir())
      const hub = stack.use(await startHub({ log: 'memory:' }))
      const [port, nobody] = [await freePort(), await freePort()]
      const addresses = [(leaving.address() as AddressInfo).port, hub.port, nobody].map(
        (one) => `127.0.0.1:${one}`,
      )
      const balancer = configureLoadBalancer({
        folder,
        bind: `127.0.0.1:${port}`,
        hubs: addresses as [string, string, string],
      })
      stack.use(await startService({ command: 'haproxy', args: ['-db', '-f', balancer.file], port }))
      await balancer.hasUp(2)
      url = `http://127.0.0.1:${port}`
      hubUrl = hub.url
    })
    afterAll(() => stack.disposeAsync())

    /** 0 if the connection broke. */
    async function statusesOf(
      topic: string,
      keyOf: (n: number) => Record<string, string>,
    ): Promise<number[]> {
      const statuses: number[] = []
      for (let n = 0; n < COUNT; n += 1) {
        const init = { method: 'POST', headers: keyOf(n), body: `${n}` }
        statuses.push(
          await fetch(`${url}/topics/${topic}`, init).then(
            ({ status }) => status,
            () => 0,
          ),
        )
      }
      return statuses
    }
    const storedIn = async (topic: string): Promise<string[]> =>
      (await readTopic(hubUrl, topic)).map(({ data }) => data)
    const numbers = Array.from({ length: COUNT }, (_, n) => `${n}`)

    test('an event with an idempotency key is published by the other one', async () => {
      const before = vanished
      expect(new Set(await statusesOf('keyed', (n) => ({ 'idempotency-key': `${n}` })))).toEqual(
        new Set([201]),
      )
      expect(await storedIn('keyed')).toEqual(numbers)
      expect(vanished).toBeGreaterThan(before)
    })

    test('so is what the client publishes, which gives each event a key', async () => {
      const before = vanished
      for (const data of numbers) await publish(`${url}/topics/client`, { data }, { maxAttempts: 1 })
      expect(await storedIn('client')).toEqual(numbers)
      expect(vanished).toBeGreaterThan(before)
    })

    test('an event without a key is not sent again: its publisher decides', async () => {
      const before = vanished
      const statuses = await statusesOf('unkeyed', () => ({}))
      expect(statuses.filter((status) => status === 0 || status === 502)).toHaveLength(vanished - before)
      expect(statuses.filter((status) => status === 201)).toHaveLength((await storedIn('unkeyed')).length)
      expect(vanished).toBeGreaterThan(before)
    })
  },
)
