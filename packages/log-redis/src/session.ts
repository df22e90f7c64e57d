import { LogError } from '@tailrace/log'
import { mintEpoch, mintSecret, type Durability, type Session } from '@tailrace/log/adapter'

import { Connection, type Reply } from './connection.ts'
import { foreignEntry } from './entry.ts'
import { findPrimary } from './primary.ts'
import type { Script } from './script.ts'
import { FORMAT, OPEN } from './scripts/open.ts'
import { PROBE } from './scripts/probe.ts'
import { readSettings } from './settings.ts'
import type { RedisAddress } from './url.ts'

/** The time for which `connect` may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000

/** What a node knows of its log, through all of its sessions. */
export interface Knowledge {
  /** Undefined before the log was opened. */
  epoch: string | undefined
  /** The largest offset of which the node knows that the log has given it. */
  seen: number
}

/** Two connections to the server that has the log: for commands, and for the tail. */
export class RedisSession implements Session {
  readonly lost: Promise<LogError>
  readonly commands: Connection
  readonly follower: Connection
  /** The newest offset when it began. */
  readonly newest: number
  readonly maxTextBytes: number
  readonly #base: string
  readonly #knowledge: Knowledge

  private constructor(
    { commands, follower }: { commands: Connection; follower: Connection },
    { newest, maxTextBytes }: { newest: number; maxTextBytes: number },
    base: string,
    knowledge: Knowledge,
  ) {
    this.commands = commands
    this.follower = follower
    this.newest = newest
    this.maxTextBytes = maxTextBytes
    this.#base = base
    this.#knowledge = knowledge
    this.lost = Promise.race([commands.lost, follower.lost])
  }

  /** @throws LogError */
  static async open(
    address: RedisAddress,
    base: string,
    knowledge: Knowledge,
    durability: Durability,
    signal: AbortSignal,
  ): Promise<RedisSession> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
    const host = await findPrimary(address, base, inTime)
    const opened: Connection[] = []
    const giveUp = (): void => {
      for (const connection of opened)
        connection.end(new LogError('unreachable', 'Redis has not answered in time.'))
    }
    inTime.addEventListener('abort', giveUp)
    try {
      for (let i = 0; i < 2; i += 1) opened.push(await Connection.open(host, address, inTime))
      const [commands, follower] = opened as [Connection, Connection]
      const { server, mayLose, hazards, maxTextBytes } = await readSettings({
        connection: commands,
        base,
        user: address.user,
        hasReplicas: address.kind !== 'server',
      })
      durability.assert(hazards)
      await PROBE.run(commands, base, [])
      await follower.call(['XREAD', 'STREAMS', `${base}probe`, '0'])
      const newest = await openLog(commands, base, knowledge, server, mayLose)
      return new RedisSession({ commands, follower }, { newest, maxTextBytes }, base, knowledge)
    } catch (error) {
      giveUp()
      throw error
    } finally {
      inTime.removeEventListener('abort', giveUp)
    }
  }

  /**
   * Runs a script that first checks whether the log is still the one that this node knows. If not, the session ends:
   * the next one finds out what has happened.
   *
   * @throws LogError
   */
  async run(script: Script, args: readonly (string | number)[] = []): Promise<readonly Reply[]> {
    const { epoch = '', seen } = this.#knowledge
    const answer = await script.run(this.commands, this.#base, [epoch, `${seen}`, ...args.map(String)])
    const [kind, what] = answer
    if (kind === 'replaced') throw this.end(otherLog())
    if (kind === 'foreign') throw foreignKey(String(what))
    if (kind === 'corrupt') throw foreignEntry(String(what ?? 'at its end'))
    return answer
  }

  /** @returns the reason */
  end(reason: LogError): LogError {
    this.commands.end(reason)
    this.follower.end(reason)
    return reason
  }

  async close(): Promise<void> {
    // Not `closed`, which the log itself is not: the next session may take over.
    this.end(new LogError('unreachable', 'The connection to Redis has ended.'))
  }
}

/** @returns the newest offset */
async function openLog(
  commands: Connection,
  base: string,
  knowledge: Knowledge,
  server: string,
  mayLose: boolean,
): Promise<number> {
  const known = [knowledge.epoch ?? '', `${knowledge.seen}`, server, mayLose ? '1' : '0']
  const [kind, first, second] = await OPEN.run(commands, base, [...known, mintEpoch(), mintSecret()])
  switch (kind) {
    case 'open':
      knowledge.epoch = String(first)
      knowledge.seen = Math.max(knowledge.seen, Number(second))
      return Number(second)
    case 'replaced':
      throw new LogError(
        'replaced',
        `The log ${base} in Redis was replaced, or has lost acknowledged events: it has another epoch.`,
      )
    case 'incompatible':
      throw new LogError(
        'incompatible',
        `The log ${base} in Redis has the format ${String(first)}, which a newer version of @tailrace/log-redis has written; this version reads the format ${FORMAT}.`,
        { details: { format: String(first) } },
      )
    case 'foreign':
      throw foreignKey(String(first))
    case 'corrupt':
      throw foreignEntry(String(first))
    default:
      throw new LogError('cannot-open', `The log ${base} in Redis has no offsets left.`)
  }
}

export function foreignKey(key: string): LogError {
  return new LogError(
    'foreign',
    `The key ${key} in Redis is not part of a Tailrace log. Nothing was changed. Choose another prefix in the URL of the log.`,
    { details: { key } },
  )
}

/** Not the end of the log yet: whether it was replaced is decided where sessions are opened. */
export function otherLog(): LogError {
  return new LogError('unreachable', 'Redis does not have the log that was opened here any more.')
}
