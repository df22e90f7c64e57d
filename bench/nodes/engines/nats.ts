import { startNats } from '@tailrace/testkit'
import { type Engine, withPids } from './engine.ts'

/** One server. By default, JetStream writes each message to its file, and synchronizes the file every two minutes. */
export async function startNatsEngine(): Promise<Engine> {
  const { server, pids } = await withPids(() => startNats())
  return {
    url: server.url,
    port: server.port,
    pids,
    async counters() {
      const { connections, out_msgs: reads } = (await server.monitor('/varz')) as {
        connections: number
        out_msgs: number
      }
      const { consumers } = (await server.monitor('/jsz')) as { consumers: number }
      return { connections, waiting: consumers, reads }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
