import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { needs, startNats, startPostgres, startRedis, tempDir } from '@tailrace/testkit'

const USER = 'ann'
export const PASSWORD = 'very-secret'

/** An engine of a test's own, with a user and a password. */
export interface Engine extends AsyncDisposable {
  /**
   * What `--log` accepts.
   *
   * @param node - each node has its own files, if it needs any
   */
  url(node: string, password?: string): string
  stop(): Promise<void>
  start(): Promise<void>
  /** Copies its data, and puts it back later. Both only while it is stopped. */
  backUp(): Promise<void>
  restore(): Promise<void>
}

/** The engines that every behaviour must be the same on. */
export const ENGINES: readonly [name: string, isThere: boolean, start: () => Promise<Engine>][] = [
  ['NATS', needs('nats'), startNatsEngine],
  ['Redis', needs('redis'), startRedisEngine],
  ['PostgreSQL', needs('postgres'), startPostgresEngine],
]

async function startNatsEngine(): Promise<Engine> {
  const dir = tempDir()
  const config = `authorization { users: [{ user: ${USER}, password: ${PASSWORD} }] }`
  const server = await startNats({ config })
  return {
    ...server,
    url(node, password) {
      const index = join(dir.path, node)
      mkdirSync(index, { recursive: true })
      const login = password === undefined ? USER : `${USER}:${password}`
      return `nats://${login}@127.0.0.1:${server.port}/tailrace?index=${index}`
    },
    stop: () => server.stop(),
    start: () => server.start(),
    backUp: async () => server.backUp(),
    restore: async () => server.restore(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      dir[Symbol.dispose]()
    },
  }
}

async function startPostgresEngine(): Promise<Engine> {
  const server = await startPostgres({ password: PASSWORD })
  let backup: Awaited<ReturnType<typeof server.backUp>>
  return {
    url(_, password) {
      const login = password === undefined ? 'postgres' : `postgres:${password}`
      return `postgres://${login}@127.0.0.1:${server.port}/postgres`
    },
    stop: () => server.stop(),
    start: () => server.start(),
    async backUp() {
      backup = await server.backUp()
    },
    restore: () => server.restore(backup),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function startRedisEngine(): Promise<Engine> {
  const dir = tempDir()
  // Without these rights of the default user, Redis drops what scripts wrote when it loads its append-only file
  // (https://github.com/redis/redis/issues/14541).
  const users = [`user ${USER} on >${PASSWORD} ~* &* +@all`, 'user default off ~* &* +@all']
  const server = await startRedis({ config: users })
  const [data, copy] = [join(server.path, 'appendonlydir'), join(dir.path, 'copy')]
  return {
    url(_, password) {
      const login = password === undefined ? USER : `${USER}:${password}`
      return `redis://${login}@127.0.0.1:${server.port}/0`
    },
    stop: () => server.stop(),
    start: () => server.start(),
    async backUp() {
      cpSync(data, copy, { recursive: true })
    },
    async restore() {
      rmSync(data, { recursive: true })
      cpSync(copy, data, { recursive: true })
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      dir[Symbol.dispose]()
    },
  }
}
