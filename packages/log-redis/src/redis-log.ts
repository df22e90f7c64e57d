import { LogError } from '@tailrace/log'
import type { CompleteEventLog, Note, NoteQuery, TopicQuery, TopicSummary } from '@tailrace/log'
import {
  compareCodePoints,
  Durability,
  EngineConnection,
  type DurabilityOptions,
} from '@tailrace/log/adapter'

import { Appender } from './appender.ts'
import { baseOf } from './keys.ts'
import { Reader } from './reader.ts'
import { DESCRIBE } from './scripts/describe.ts'
import { LIST } from './scripts/list.ts'
import { PROBE } from './scripts/probe.ts'
import { PURGE } from './scripts/purge.ts'
import { NOTE, NOTES } from './scripts/share.ts'
import { RedisSession, type Knowledge } from './session.ts'
import { Tail } from './tail.ts'
import { Trimmer } from './trimmer.ts'
import { parseRedisUrl } from './url.ts'

/** Maximum topics that one script reads, while everybody else waits. */
const MAX_TOPICS_A_CALL = 500
/** Sorts after every character that UTF-8 can contain. */
const AFTER_EVERY_NAME = '\u{10ffff}'.repeat(64)

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
    connected: (session) => void tail.follow(session),
  })
  const appender = new Appender(time)
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
        const appended = await appender.append(session(), batch)
        for (const { offset } of appended) see(offset)
        return appended
      }),

    read: (query) => accept(() => reader.page(session, 'all', query)),

    tail: (listener) =>
      accept(async () => {
        await tail.reach(knowledge.seen, session())
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
        await session().run(DESCRIBE)
      }),

    close: () => (closing ??= close()),

    snapshots: { read: (query) => accept(() => reader.page(session, 'newest', query)) },

    topics: {
      list: (query) => accept(() => list(session, query)),
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
      purge: (topic) => accept(async () => (await session().run(PURGE, [topic]))[0] === 'purged'),
    },

    shared: {
      secret: () =>
        accept(async () => String(await session().commands.call(['HGET', `${base}meta`, 'secret']))),
      note: ({ key, until }) =>
        accept(async () => (await session().run(NOTE, [time(), key, until]))[1] === 1),
      notes: (query) => accept(() => notesOf(session, query, time)),
    },
  } satisfies CompleteEventLog
}

async function list(
  session: () => RedisSession,
  { prefix, after, limit }: TopicQuery,
): Promise<TopicSummary[]> {
  const topics: TopicSummary[] = []
  for (let last = after; topics.length < limit;) {
    const count = Math.min(limit - topics.length, MAX_TOPICS_A_CALL)
    const [, ...values] = await session().run(LIST, [...rangeOf(prefix, last), count])
    for (let i = 0; i < values.length; i += 5) {
      const [topic, newest, ended, events, bytes] = values.slice(i, i + 5)
      topics.push({
        topic: String(topic),
        newest: Number(newest),
        ended: ended === 1,
        events: Number(events),
        bytes: Number(bytes),
      })
    }
    if (values.length < 5 * count) break
    last = topics.at(-1)!.topic
  }
  return topics
}

async function notesOf(
  session: () => RedisSession,
  { prefix, after, limit }: NoteQuery,
  time: () => string,
): Promise<Note[]> {
  const notes: Note[] = []
  for (let last = after; notes.length < limit;) {
    const answer = await session().run(NOTES, [time(), ...rangeOf(prefix, last), limit - notes.length])
    for (let i = 2; i < answer.length; i += 2) {
      notes.push({ key: String(answer[i]), until: Number(answer[i + 1]) })
    }
    if (answer[1] === '') break
    last = String(answer[1])
  }
  return notes
}

/** The names that start with a text, after a name, as Redis writes such a range. */
function rangeOf(prefix: string, after: string): [from: string, to: string] {
  const from = compareCodePoints(after, prefix) < 0 ? `[${prefix}` : `(${after}`
  return [from, prefix === '' ? '+' : `(${prefix}${AFTER_EVERY_NAME}`]
}
