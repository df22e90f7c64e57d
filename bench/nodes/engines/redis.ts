import { createClient } from '@redis/client'
import { startRedis } from '@tailrace/testkit'
import { type Engine, withPids } from './engine.ts'

/** Every write is on disk before it is acknowledged. */
export async function startRedisEngine(): Promise<Engine> {
  const { server, pids } = await withPids(() => startRedis({ appendfsync: 'always' }))
  const { url, port } = server
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  return {
    url,
    port,
    pids,
    async counters() {
      const clients = await client.info('clients')
      const commands = await client.info('commandstats')
      return {
        connections: field(clients, /^connected_clients:(\d+)/m) - 1,
        waiting: field(clients, /^blocked_clients:(\d+)/m),
        reads:
          field(commands, /^cmdstat_xread:calls=(\d+)/m) + field(commands, /^cmdstat_xrange:calls=(\d+)/m),
      }
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}

function field(info: string, pattern: RegExp): number {
  return Number(pattern.exec(info)?.[1] ?? 0)
}
