import { LogError, type EventLog } from '@tailrace/log'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs } from '@tailrace/testkit'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'

import { connect, useServer } from './server.ts'
import { follow, readEverything } from './tail.ts'

const postgres = needs('postgres')
const ROUNDS = process.env['TAILRACE_LONG'] === '1' ? 25 : 2

describe.skipIf(!postgres)('the death of the server under load', () => {
  const engine = useServer({ fsync: true })

  test(
    'loses nothing that was acknowledged, stores nothing twice, and shows one order to all nodes',
    { timeout: 600_000 },
    async () => {
      const url = engine.nextUrl()
      const nodes = await Promise.all([openPostgresLog({ url }), openPostgresLog({ url })])
      const told = await Promise.all(nodes.map(follow))
      const acknowledged = new Set<string>()
      const refused = new Set<string>()
      const over = new AbortController()

      /** Retries with the same key until it is acknowledged, as publishers do. */
      async function publishFrom(node: EventLog, name: string): Promise<void> {
        for (let i = 0; !over.signal.aborted; i += 1) {
          const data = `${name} ${i}`
          const event = { topic: `t/${i % 3}`, data, idempotencyKey: data }
          // Every other one is given up after one attempt.
          const isRetried = i % 2 === 0
          for (;;) {
            try {
              await node.append([event])
              acknowledged.add(data)
              break
            } catch (error) {
              if (!LogError.is(error)) throw error
              if (!isRetried && error.code === 'unreachable') refused.add(data)
              if (!isRetried || over.signal.aborted) break
              await delay(20)
            }
          }
        }
      }

      async function publishFromApplication(name: string): Promise<void> {
        for (let i = 0; !over.signal.aborted;) {
          try {
            await using app = await connect(url)
            for (; !over.signal.aborted; i += 1) {
              const data = `${name} ${i}`
              await app.run('BEGIN')
              await app.run(`SELECT tailrace.publish('t/1', $1)`, [data])
              await app.run('COMMIT')
              acknowledged.add(data)
            }
          } catch {
            i += 1
            await delay(20)
          }
        }
      }

      const publishing = Promise.all([
        ...nodes.flatMap((node, n) => [0, 1, 2, 3].map((p) => publishFrom(node, `hub ${n} ${p}`))),
        publishFromApplication('app 0'),
        publishFromApplication('app 1'),
      ])
      for (let round = 0; round < ROUNDS; round += 1) {
        const enough = acknowledged.size + 200
        while (acknowledged.size < enough) await delay(5)
        await engine.server.stop('SIGKILL')
        await engine.server.start()
      }
      const enough = acknowledged.size + 200
      while (acknowledged.size < enough) await delay(5)
      over.abort()
      await publishing

      for (const node of nodes)
        await expect.poll(() => node.ready().then(() => 'ready', String)).toBe('ready')
      const events = await readEverything(nodes[0])
      const stored = events.map(({ data }) => data)
      expect(new Set(stored).size).toBe(stored.length)
      expect([...acknowledged].filter((data) => !stored.includes(data))).toEqual([])
      expect([...refused].filter((data) => stored.includes(data))).toEqual([])
      for (const { events: seen, failures } of told) {
        await expect.poll(() => seen.length).toBe(events.length)
        expect(seen).toEqual(events)
        expect(failures).toEqual([])
      }
      await Promise.all(nodes.map((node) => node.close()))
    },
  )
})
