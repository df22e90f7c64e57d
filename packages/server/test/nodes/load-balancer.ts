import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { exampleFile } from './example.ts'
import { until } from './until.ts'

export interface LoadBalancerOptions {
  /** Where its files are. */
  readonly folder: string
  /** `ADDRESS:PORT` on which it listens. */
  readonly bind: string
  /** `ADDRESS:PORT` of each hub. */
  readonly hubs: readonly [string, string, string]
}

/** The load balancer of the example. */
export interface LoadBalancer {
  /** Its configuration. */
  readonly file: string
  /** Resolves once it sends requests to so many hubs. */
  hasUp(count: number): Promise<void>
}

export function configureLoadBalancer({ folder, bind, hubs }: LoadBalancerOptions): LoadBalancer {
  const [file, socket] = [join(folder, 'haproxy.cfg'), join(folder, 'admin.sock')]
  const config = exampleFile('haproxy.cfg', [
    ['    user haproxy\n    group haproxy\n', ''],
    ['maxconn 50000', 'maxconn 2000'],
    ['/var/lib/haproxy/admin.sock', socket],
    ['bind :8080', `bind ${bind}`],
    // So that a drill takes seconds. As in the example, it is more than two heartbeats.
    ['timeout server 40s', 'timeout server 4s'],
    ['%[rand(6000),add(2000)]', '%[rand(600),add(200)]'],
    ...hubs.map((address, i) => [` hub${i + 1}:4242`, ` ${address}`] as const),
  ])
  writeFileSync(file, config)
  return {
    file,
    hasUp: (count) =>
      until(`HAProxy uses ${count} hubs`, async () => {
        const up = (await command(socket, 'show stat')).match(/^streams,hub\d,.*,UP,/gm)
        return up?.length === count
      }),
  }
}

/** What HAProxy answers on its socket for operators: nothing as long as it has none. */
async function command(path: string, line: string): Promise<string> {
  const socket = connect(path)
  socket.write(`${line}\n`)
  return text(socket).catch(() => '')
}
