import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { needs, startNats, tempDir } from '@tailrace/testkit'

export const USER = 'ann'
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
  backUp(): void
  restore(): void
  /** Its log, restored from a copy, is opened as another one. Otherwise, an operator must intervene. */
  readonly isRenewed: boolean
}

/** The engines that every behaviour must be the same on. */
export const ENGINES: readonly [name: string, isThere: boolean, start: () => Promise<Engine>][] = [
  ['NATS', needs('nats'), startNatsEngine],
]

async function startNatsEngine(): Promise<Engine> {
  const dir = tempDir()
  const config = `authorization { users: [{ user: ${USER}, password: ${PASSWORD} }] }`
  const server = await startNats({ config })
  return {
    ...server,
    isRenewed: false,
    url(node, password) {
      const index = join(dir.path, node)
      mkdirSync(index, { recursive: true })
      const login = password === undefined ? USER : `${USER}:${password}`
      return `nats://${login}@127.0.0.1:${server.port}/tailrace?index=${index}`
    },
    stop: () => server.stop(),
    start: () => server.start(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      dir[Symbol.dispose]()
    },
  }
}
