import { createHash } from 'node:crypto'
import { LogError } from '@tailrace/log'

import type { Connection, Reply } from './connection.ts'
import { LIBRARY } from './scripts/library.ts'

/** A Lua script, which Redis executes as one step: nothing else runs meanwhile, and all of its writes are one. */
export class Script {
  readonly #name: string
  readonly #source: string
  readonly #sha: string

  /** @param whenFull whether it also runs while the memory of Redis is full: it makes room, or needs little */
  constructor(name: string, source: string, { whenFull = false }: { whenFull?: boolean } = {}) {
    this.#name = name
    this.#source = (whenFull ? '#!lua flags=allow-oom\n' : '') + LIBRARY + source
    this.#sha = createHash('sha1').update(this.#source).digest('hex')
  }

  /**
   * @param base the start of the names of all keys of the log. In a cluster, it also determines their slot
   * @returns the fields of the script's answer; the first one says what they are
   * @throws LogError
   */
  async run(connection: Connection, base: string, args: readonly string[]): Promise<readonly Reply[]> {
    const rest = ['1', base, ...args]
    let reply: Reply
    try {
      reply = await connection.call(['EVALSHA', this.#sha, ...rest])
    } catch (error) {
      // A server that was restarted, or has taken over from another one, does not know the script.
      if (!LogError.is(error) || error.details['reply'] !== 'NOSCRIPT') throw error
      reply = await connection.call(['EVAL', this.#source, ...rest])
    }
    if (Array.isArray(reply)) return reply as readonly Reply[]
    throw new LogError('corrupt', `Redis answered to the script ${this.#name} with something else.`)
  }
}
