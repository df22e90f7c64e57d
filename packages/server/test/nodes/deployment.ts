import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mountSmallDisk, openHosts, tempDir } from '@tailrace/testkit'
import type { Hosts } from '@tailrace/testkit'
import { SECRET } from '../auth/tokens.ts'
import type { Engine } from './engine.ts'
import { composeCommand, unitCommand } from './example.ts'
import { configureLoadBalancer } from './load-balancer.ts'
import { Machine } from './machine.ts'

export const HUB_NAMES = ['hub1', 'hub2', 'hub3'] as const
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const TAILRACE = [
  process.execPath,
  '--conditions=@tailrace/source',
  '--disable-warning=ExperimentalWarning',
  MAIN,
]

/** Shorter than in the example, so that a drill takes seconds; as far from each other as those are. */
const TIMES = { TAILRACE_HEARTBEAT: '1s', TAILRACE_RETRY: '500ms', TAILRACE_DRAIN: '2s' }

/** The deployment of `examples/03-nodes`: three hubs behind HAProxy, and an engine, each on its own host. */
export interface Deployment extends AsyncDisposable {
  readonly hosts: Hosts
  /** Of the load balancer. */
  readonly url: string
  readonly hubs: readonly Machine[]
  readonly engine: Machine
  /** The folder of the engine's data. It is a small disk if this machine can mount one. */
  /** For files of a drill. */
  readonly folder: string
  readonly disk: { readonly path: string; readonly isSmall: boolean }
  /** Resolves once the load balancer sends requests to all hubs. */
  areUp(): Promise<void>
  /** The last output of every machine. */
  output(): string
}

export async function deploy(engine: Engine): Promise<Deployment> {
  const stack = new AsyncDisposableStack()
  try {
    const hosts = stack.use(openHosts([...HUB_NAMES, 'proxy', engine.name]))
    const folder = stack.use(tempDir()).path
    const small = mountSmallDisk(engine.diskBytes)
    const disk = stack.use(small ?? tempDir())
    const engineHost = hosts.host(engine.name)
    const engineMachine = stack.use(new Machine(engineHost, await engine.prepare(engineHost, disk.path)))
    const enginePort = engineMachine.job.port
    await engineMachine.start()

    const hubs = HUB_NAMES.map((name) => {
      const { words, env } = unitCommand(name, engine.name, folder)
      const { TAILRACE_LOG: log = '', TAILRACE_PORT: port, ...rest } = env
      const place = {
        TAILRACE_HOST: hosts.host(name).address,
        TAILRACE_TRUST_PROXY: hosts.host('proxy').address,
      }
      const job = {
        words: words.flatMap((word) => (word === '/usr/local/bin/tailrace' ? TAILRACE : [word])),
        env: {
          ...rest,
          ...TIMES,
          ...place,
          TAILRACE_PORT: port!,
          TAILRACE_LOG: log
            .replace(`${engine.name}:${enginePort}`, `${engineHost.address}:${enginePort}`)
            .replace('/var/lib/tailrace', join(folder, name)),
          NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
        },
        port: Number(port),
      }
      return stack.use(new Machine(hosts.host(name), job))
    })
    writeFileSync(join(folder, 'jwt-secret'), SECRET)
    await Promise.all(hubs.map((hub) => hub.start()))

    const proxyHost = hosts.host('proxy')
    const balancer = configureLoadBalancer({
      folder,
      bind: `${proxyHost.address}:8080`,
      hubs: [addressOf(hubs[0]!), addressOf(hubs[1]!), addressOf(hubs[2]!)],
    })
    const words = composeCommand('haproxy', engine.name).words.map((word) =>
      word === '/usr/local/etc/haproxy/haproxy.cfg' ? balancer.file : word,
    )
    const proxy = stack.use(new Machine(proxyHost, { words, port: 8080 }))
    await proxy.start()
    const machines = [engineMachine, ...hubs, proxy]
    const deployment: Deployment = {
      hosts,
      url: proxy.url,
      hubs,
      engine: engineMachine,
      folder,
      disk: { path: disk.path, isSmall: small !== undefined },
      areUp: () => balancer.hasUp(hubs.length),
      output: () => machines.map((machine) => `--- ${machine.host.name}\n${machine.output()}`).join('\n'),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
    return deployment
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

const addressOf = ({ host, job }: Machine): string => `${host.address}:${job.port}`
