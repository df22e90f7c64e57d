import { LogError } from './errors.ts'
import type { EventLog, TailListener } from './event-log.ts'
import { keepTrying } from './keep-trying.ts'

/** The longest pause between two attempts to open the log again, in milliseconds. */
const MAX_PAUSE_MS = 5_000

/**
 * A log that is opened again when its engine holds another one (`replaced`). Its tails then fail, as those of any log
 * do, and until it is open again its calls reject with the reason. After that, it is the log that the engine holds now,
 * with another epoch.
 *
 * @param open opens the log, always with the same capabilities. Called again, with pauses, until it succeeds
 * @throws the error of the first `open`
 */
export async function openReopeningLog(open: () => Promise<EventLog>): Promise<EventLog> {
  const first = await open()
  const closing = new AbortController()
  let current: EventLog | undefined = first
  let reason = new LogError('closed', 'The log is closed.')
  let reopening: Promise<void> = Promise.resolve()

  function replaced(log: EventLog, error: LogError): void {
    if (log !== current) return
    current = undefined
    reason = error
    reopening = reopen(log)
  }

  async function reopen(lost: EventLog): Promise<void> {
    await lost.close()
    const found = await keepTrying(open, {
      maxPauseMs: MAX_PAUSE_MS,
      signal: closing.signal,
      failed(error) {
        reason = LogError.is(error)
          ? error
          : new LogError('cannot-open', `The log cannot be opened again: ${String(error)}`, { cause: error })
      },
    })
    if (closing.signal.aborted) await found?.close()
    else current = found
  }

  async function use<T>(call: (log: EventLog) => Promise<T>): Promise<T> {
    const log = current
    if (log === undefined) throw reason
    try {
      return await call(log)
    } catch (error) {
      if (LogError.is(error) && error.code === 'replaced') replaced(log, error)
      throw error
    }
  }

  function listening(log: EventLog, listener: TailListener): TailListener {
    return {
      events: (events) => listener.events(events),
      purged: (topic, through) => listener.purged(topic, through),
      lost: (through) => listener.lost(through),
      interrupted: (why) => listener.interrupted(why),
      resumed: () => listener.resumed(),
      failed(error) {
        replaced(log, error)
        listener.failed(error)
      },
    }
  }

  const { snapshots, topics, retention, shared } = first
  return {
    append: (batch) => use((log) => log.append(batch)),
    read: (query) => use((log) => log.read(query)),
    tail: (listener) => use((log) => log.tail(listening(log, listener))),
    describe: () => use((log) => log.describe()),
    ready: () => use((log) => log.ready()),

    async close() {
      const log = current
      current = undefined
      reason = new LogError('closed', 'The log is closed.')
      closing.abort()
      await log?.close()
      await reopening
    },

    ...(snapshots && { snapshots: { read: (query) => use((log) => log.snapshots!.read(query)) } }),
    ...(topics && {
      topics: {
        list: (query) => use((log) => log.topics!.list(query)),
        ended: (names) => use((log) => log.topics!.ended(names)),
      },
    }),
    ...(retention && {
      retention: {
        trim: (rules, now) => use((log) => log.retention!.trim(rules, now)),
        purge: (topic) => use((log) => log.retention!.purge(topic)),
      },
    }),
    ...(shared && {
      shared: {
        secret: () => use((log) => log.shared!.secret()),
        note: (note) => use((log) => log.shared!.note(note)),
        notes: (query) => use((log) => log.shared!.notes(query)),
      },
    }),
  }
}
