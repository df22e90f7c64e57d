import { LogError } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { Durability, EngineConnection, type DurabilityOptions } from '@tailrace/log/adapter'

import { Appender } from './appender.ts'
import { toPlace } from './entry.ts'
import { baseOf } from './keys.ts'
import { listNotes, listTopics } from './listing.ts'
import { Reader } from './reader.ts'
import { DESCRIBE } from './scripts/describe.ts'
import { PROBE } from './scripts/probe.ts'
import { PURGE } from './scripts/purge.ts'
import { NOTE } from './scripts/share.ts'
import { RedisSession, type Knowledge } from './session.ts'
import { Tail } from './tail.ts'
import { Trimmer } from './trimmer.ts'
import { parseRedisUrl } from './url.ts'

export interface RedisLogOptions extends DurabilityOptions {
  /**
   * - `redis://[user:password@]host:6379[/database][?prefix=tailrace]`
   * - `redis+sentinel://[user:password@]host:26379,host:26379/master[/database][?prefix=tailrace]`
   * - `redis+cluster://[user:password@]host:6379,host:6379[?prefix=tailrace]`
   *
   * With `rediss`, connections use TLS. Credentials are percent-encoded.
   */
  readonly url: string
  /** Overrides the password of the URL. */
  readonly password?: string | undefined
  /**
   * The clock that stamps events, in milliseconds.
   *
   * @defaultValue that of Redis, so that the events of all nodes have the time of one clock
   */
  readonly now?: (() => number) | undefined
}

/**
 * Opens a log in Redis 7, which many nodes can share. Redis that cannot be reached now is tried again in the background.
 *
 * @throws RangeError if the URL is not valid
 * @throws LogError `unauthorized`, `incompatible`, `foreign`, `corrupt` or `not-durable`
 */
export async function openRedisLog(options: RedisLogOptions): Promise<CompleteEventLog> {
  const address = parseRedisUrl(options.url, options.password)
  const base = baseOf(address.prefix)
  const knowledge: Knowledge = { epoch: undefined, seen: 0 }
  const durability = new Durability(options)
  const { now } = options
  const time = (): string => (now === undefined ? '' : `${now()}`)

  // It reports after it has waited for Redis, and thus not before the connection is there.
  const tail = new Tail(() => connection.tails, knowledge, base)
  const connection = await EngineConnection.open<RedisSession>({
    connect: (signal) => RedisSession.open(address, base, knowledge, durability, signal),
    connected: (opened) => void tail.follow(opened),
  })
  const appender = new Appender(session, time)
  const reader = new Reader()
  const trimmer = new Trimmer(base)
  /** What was accepted and is not complete yet. */
  const accepted = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  function session(): RedisSession {
    return connection.session
  }

  /** Runs a call of an open log, which `close` waits for. */
  function accept<T>(call: () => Promise<T>): Promise<T> {
    if (closing !== undefined) return Promise.reject(new LogError('closed', 'The log is closed.'))
    const running = call()
    accepted.add(running)
    const settle = (): void => void accepted.delete(running)
    running.then(settle, settle)
    return running
  }

  function see(offset: number): void {
    knowledge.seen = Math.max(knowledge.seen, offset)
  }

  async function close(): Promise<void> {
    while (accepted.size > 0) await Promise.allSettled(accepted)
    if (connection.reason === undefined) await trimmer.release(connection.session.commands).catch(() => {})
    await connection.close()
  }

  return {
    append: (batch) =>
      accept(async () => {
        const appended = await appender.append(batch)
        for (const { offset } of appended) see(offset)
        return appended
      }),

    read: (query) => accept(() => reader.page(session, 'all', query)),

    tail: (listener) =>
      accept(async () => {
        await tail.reach({ offset: knowledge.seen, order: 0 }, session())
        return { after: tail.offset, stop: connection.tails.add(listener) }
      }),

    describe: () =>
      accept(async () => {
        const answer = await session().run(DESCRIBE)
        const [oldest, newest] = answer.slice(1).map(Number) as [number, number]
        see(newest)
        return { epoch: knowledge.epoch!, oldest, newest }
      }),

    ready: () =>
      accept(async () => {
        await PROBE.run(session().commands, base, [])
        // Unlike scripts that make room, this is refused while the memory of Redis is full.
        await session().commands.call(['SET', `${base}probe`, '', 'PX', '1'])
        await session().run(DESCRIBE)
      }),

    close: () => (closing ??= close()),

    snapshots: { read: (query) => accept(() => reader.page(session, 'newest', query)) },

    topics: {
      list: (query) => accept(() => listTopics(session, query)),
      ended: (topics) =>
        accept(() =>
          Promise.all(
            topics.map(async (topic) => {
              const ended = await session().commands.call(['HGET', `${base}topic:${topic}`, 'ended'])
              return ended === null ? undefined : Number(ended)
            }),
          ),
        ),
    },

    retention: {
      trim: (rules, at) => accept(() => trimmer.step(session(), rules, at)),
      purge: (topic) =>
        accept(async () => {
          const using = session()
          const [kind, record] = await using.run(PURGE, [topic])
          // So that nothing purged is delivered on this node from now on. If Redis is lost meanwhile, that comes later.
          if (kind === 'purged') await tail.reach(toPlace(String(record)), using).catch(() => {})
          return kind === 'purged'
        }),
    },

    shared: {
      secret: () =>
        accept(async () => String(await session().commands.call(['HGET', `${base}meta`, 'secret']))),
      note: ({ key, until }) =>
        accept(async () => (await session().run(NOTE, [time(), key, until]))[1] === 1),
      notes: (query) => accept(() => listNotes(session, query, time())),
    },
  } satisfies CompleteEventLog
}
