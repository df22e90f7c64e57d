import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { freePort, startService, type Service } from './service.ts'
import { tempDir } from './temp.ts'

export interface NatsOptions {
  /** Whether it stores streams, or the settings with which it does, such as `max_file_store: 5MB`. @defaultValue true */
  readonly jetStream?: boolean | string | undefined
  /** More lines of its configuration: `authorization {…}`, `tls {…}`, `max_payload: …`. */
  readonly config?: string | undefined
  /** @defaultValue a free one */
  readonly port?: number | undefined
  /** An existing folder for its data, such as a small disk. @defaultValue a temporary one */
  readonly folder?: string | undefined
}

/** A nats-server on a port of its own, which stays the same, like its data, when it is started again. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The last 64 KiB of its log since it was started. */
  output(): string
  /** What its monitoring port answers, such as `/jsz?consumers=true`. */
  monitor(path: string): Promise<unknown>
  /** With SIGKILL, it has no time to write anything. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** @param changes replace options from now on; the port and the folder stay */
  start(changes?: Pick<NatsOptions, 'jetStream' | 'config'>): Promise<void>
  /** Copies its data. Only while it is stopped. */
  backUp(): void
  /** Goes back in time: puts the copy in place of its data. Only while it is stopped. */
  restore(): void
}

/** Several servers with JetStream, in one cluster. */
export interface NatsCluster extends AsyncDisposable {
  /** Of all servers. */
  readonly url: string
  readonly servers: readonly NatsServer[]
}

export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  return startServer(options, options.port ?? (await freePort()))
}

/** Resolves once its servers accept connections, which is before they have elected a leader. */
export async function startNatsCluster(size = 3, options: NatsOptions = {}): Promise<NatsCluster> {
  const ports = await Promise.all(Array.from({ length: size }, freePort))
  const routePorts = await Promise.all(Array.from({ length: size }, freePort))
  const routes = routePorts.map((port) => `nats://127.0.0.1:${port}`).join(', ')
  const servers = await Promise.all(
    ports.map((port, i) => {
      const cluster = `cluster { name: test, listen: "127.0.0.1:${routePorts[i]}", routes: [${routes}] }`
      return startServer({ ...options, config: `${options.config ?? ''}\n${cluster}` }, port)
    }),
  )
  return {
    url: `nats://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`,
    servers,
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]()
    },
  }
}

async function startServer(options: NatsOptions, port: number): Promise<NatsServer> {
  const dir = tempDir()
  const monitorPort = await freePort()
  const file = join(dir.path, 'nats.conf')
  const data = options.folder ?? join(dir.path, 'data')
  const copy = join(dir.path, 'copy')
  let current = options
  let service: Service | undefined

  async function start(changes: NatsOptions = {}): Promise<void> {
    current = { ...current, ...changes }
    const { jetStream = true, config = '' } = current
    const settings = typeof jetStream === 'string' ? jetStream : ''
    const lines = [
      `server_name: nats-${port}`,
      `listen: "127.0.0.1:${port}"`,
      `http: "127.0.0.1:${monitorPort}"`,
      jetStream === false ? '' : `jetstream { store_dir: ${JSON.stringify(data)}\n${settings} }`,
      config,
    ]
    writeFileSync(file, lines.join('\n'))
    service = await startService({ command: 'nats-server', args: ['-c', file], port })
  }

  try {
    await start()
  } catch (error) {
    dir[Symbol.dispose]()
    throw error
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    output: () => service!.output(),
    async monitor(path) {
      const response = await fetch(`http://127.0.0.1:${monitorPort}${path}`)
      return response.json()
    },
    stop: (signal) => service!.stop(signal),
    start,
    backUp: () => cpSync(data, copy, { recursive: true }),
    restore() {
      rmSync(data, { recursive: true })
      cpSync(copy, data, { recursive: true })
    },
    async [Symbol.asyncDispose]() {
      await service![Symbol.asyncDispose]()
      dir[Symbol.dispose]()
    },
  }
}
