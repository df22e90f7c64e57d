import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startKafka } from '@tailrace/testkit'
import { type Engine, withPids } from './engine.ts'
import { openConnections } from './sockets.ts'

/** One broker. It writes each record to its disk before it acknowledges it only if it is flushed after each message. */
export async function startKafkaEngine(flushed: { readonly isFlushed: boolean }): Promise<Engine> {
  const properties: Record<string, string> = flushed.isFlushed ? { 'log.flush.interval.messages': '1' } : {}
  const { server, pids } = await withPids(() => startKafka({ properties }))
  const { port } = server
  return {
    url: `kafka://127.0.0.1:${port}`,
    port,
    pids,
    async counters() {
      // Nobody waits: a broker answers a Fetch request when there is something new, or its time is over.
      return {
        connections: await openConnections(port),
        waiting: Number.NaN,
        reads: await fetchRequests(pids()[0]),
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function fetchRequests(pid: number | undefined): Promise<number> {
  const program = join(import.meta.dirname, 'KafkaRequests.java')
  const { stdout } = await promisify(execFile)('java', ['--add-modules', 'jdk.attach', program, String(pid)])
  return Number(stdout)
}
