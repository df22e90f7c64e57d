import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { Certificate } from './certificate.ts'
import { freePort, startService } from './service.ts'
import { tempDir } from './temp.ts'

const READY_TIMEOUT_MS = 20_000
const RETRY_MS = 5
const READY = { redis: 'Ready to accept connections', sentinel: 'Sentinel ID is' }

export interface RedisOptions {
  /** When the append-only file is synchronized to disk; false: there is no such file. @defaultValue `'always'` */
  readonly appendfsync?: 'always' | 'everysec' | 'no' | false | undefined
  /** Of the default user. @defaultValue none is needed */
  readonly password?: string | undefined
  /** Accepts only TLS connections, with this certificate. */
  readonly tls?: Certificate | undefined
  /** More lines for `redis.conf`. */
  readonly config?: readonly string[] | undefined
  /** @defaultValue a free one */
  readonly port?: number | undefined
  /** Starts a Sentinel instead, which needs only `config`. */
  readonly sentinel?: boolean | undefined
}

/** A Redis server with its own temporary folder. Disposing of it kills it, and deletes the folder. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number
  /** With the password of the default user, as `--log` accepts it. */
  readonly url: string
  /** Its folder: `redis.conf`, `dump.rdb`, `appendonlydir`. */
  readonly path: string
  /** The last 64 KiB of its log since it was started. */
  output(): string
  /** Sends SIGTERM: it saves what it is configured to save. */
  stop(): Promise<void>
  /** Sends SIGKILL. */
  kill(): Promise<void>
  /** Starts it again, with the same port and folder. Resolves once it has loaded its data. */
  start(): Promise<void>
}

/** Resolves once it answers commands. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { password, tls, sentinel = false } = options
  const dir = tempDir()
  const port = options.port ?? (await freePort())
  const file = join(dir.path, 'redis.conf')
  writeFileSync(file, configLines(options, port, dir.path).join('\n'))
  let service = await startService(command())

  function command(): Parameters<typeof startService>[0] {
    return { command: 'redis-server', args: sentinel ? [file, '--sentinel'] : [file], port }
  }
  async function untilReady(): Promise<void> {
    const deadline = AbortSignal.timeout(READY_TIMEOUT_MS)
    while (!service.output().includes(sentinel ? READY.sentinel : READY.redis)) {
      if (deadline.aborted) throw new Error(`redis-server is not ready; its output:\n${service.output()}`)
      await delay(RETRY_MS)
    }
  }
  await untilReady()

  const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`
  return {
    port,
    url: `${tls === undefined ? 'redis' : 'rediss'}://${credentials}127.0.0.1:${port}`,
    path: dir.path,
    output: () => service.output(),
    stop: () => service.stop(),
    kill: () => service.stop('SIGKILL'),
    async start() {
      service = await startService(command())
      await untilReady()
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]()
      dir[Symbol.dispose]()
    },
  }
}

function configLines(options: RedisOptions, port: number, folder: string): string[] {
  const { appendfsync = 'always', password, tls, config = [], sentinel = false } = options
  const lines = ['bind 127.0.0.1', `dir ${JSON.stringify(folder)}`]
  if (tls === undefined) lines.push(`port ${port}`)
  else
    lines.push(
      'port 0',
      `tls-port ${port}`,
      `tls-cert-file ${tls.cert}`,
      `tls-key-file ${tls.key}`,
      'tls-auth-clients no',
    )
  if (!sentinel) {
    lines.push('save ""')
    if (appendfsync !== false) lines.push('appendonly yes', `appendfsync ${appendfsync}`)
    if (password !== undefined) lines.push(`requirepass ${JSON.stringify(password)}`)
  }
  return [...lines, ...config, '']
}
