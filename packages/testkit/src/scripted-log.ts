import { LogError } from '@tailrace/log'
import type { CompleteEventLog, TailListener } from '@tailrace/log'

export interface ScriptedLogOptions {
  /** Tails report each event a few iterations of the event loop after it was stored. @defaultValue false */
  readonly isLate?: boolean | undefined
}

/** A log that does on request what a real engine does at any time: lag, become unreachable, and be lost. */
export interface ScriptedLog {
  readonly log: CompleteEventLog
  /** Disconnects the log: every call rejects with the reason, and tails report nothing until `resume`. */
  interrupt(reason?: LogError): void
  resume(): void
  /** Ends every tail permanently. */
  fail(error: LogError): void
  /** Holds back the reports of tails until `release`. */
  hold(): void
  release(): void
  /** Forgets the events that are held back, like an engine that has removed them: tails report that they are lost. */
  lose(): void
}

const UNREACHABLE = new LogError('unreachable', 'The engine cannot be reached: the test has cut it off.')

/** Wraps a log, such as a memory log, so that one node can be disturbed and others not. */
export function createScriptedLog(
  inner: CompleteEventLog,
  { isLate = false }: ScriptedLogOptions = {},
): ScriptedLog {
  const tails = new Set<ScriptedTail>()
  let interruption: LogError | undefined
  let isHeld = false
  let isClosed = false

  const canReport = (): boolean => interruption === undefined && !isHeld

  function guarded<Args extends unknown[], T>(
    call: (...args: Args) => Promise<T>,
  ): (...args: Args) => Promise<T> {
    return async (...args) => {
      if (interruption !== undefined && !isClosed) throw interruption
      return call(...args)
    }
  }

  const { snapshots, topics, retention, shared } = inner
  const log: CompleteEventLog = {
    append: guarded(inner.append),
    read: guarded(inner.read),
    describe: guarded(inner.describe),
    ready: guarded(inner.ready),
    snapshots: { read: guarded(snapshots.read) },
    topics: { list: guarded(topics.list), ended: guarded(topics.ended) },
    retention: { trim: guarded(retention.trim), purge: guarded(retention.purge) },
    shared: { secret: guarded(shared.secret), note: guarded(shared.note), notes: guarded(shared.notes) },

    tail: guarded(async (listener) => {
      const scripted = new ScriptedTail(listener, canReport, isLate)
      const tail = await inner.tail(scripted)
      tails.add(scripted)
      return {
        after: tail.after,
        stop() {
          tails.delete(scripted)
          scripted.stop()
          tail.stop()
        },
      }
    }),

    async close() {
      isClosed = true
      for (const tail of tails) tail.stop()
      await inner.close()
    },
  }

  return {
    log,
    interrupt(reason = UNREACHABLE) {
      interruption = reason
      for (const tail of tails) tail.interrupted(reason)
    },
    resume() {
      interruption = undefined
      for (const tail of tails) tail.resumed()
    },
    fail(error) {
      for (const tail of tails) tail.failed(error)
      tails.clear()
    },
    hold() {
      isHeld = true
    },
    release() {
      isHeld = false
      for (const tail of tails) tail.report()
    },
    lose() {
      for (const tail of tails) tail.lose()
    },
  }
}

interface Report {
  readonly tell: () => void
  /** The newest offset of the events that it reports. */
  readonly newest?: number
}

class ScriptedTail implements TailListener {
  readonly #listener: TailListener
  readonly #canReport: () => boolean
  readonly #isLate: boolean
  #reports: Report[] = []
  #isStopped = false

  constructor(listener: TailListener, canReport: () => boolean, isLate: boolean) {
    this.#listener = listener
    this.#canReport = canReport
    this.#isLate = isLate
  }

  events(events: Parameters<TailListener['events']>[0]): void {
    this.#add({ tell: () => this.#listener.events(events), newest: events.at(-1)!.offset })
  }

  purged(topic: string, through: number): void {
    this.#add({ tell: () => this.#listener.purged(topic, through) })
  }

  lost(through: number): void {
    this.#add({ tell: () => this.#listener.lost(through), newest: through })
  }

  interrupted(reason: LogError): void {
    this.#listener.interrupted(reason)
  }

  resumed(): void {
    this.#listener.resumed()
    this.report()
  }

  failed(error: LogError): void {
    this.stop()
    this.#listener.failed(error)
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Reports what was held back, if nothing prevents it. */
  report(): void {
    while (!this.#isStopped && this.#canReport()) {
      const next = this.#reports.shift()
      if (next === undefined) return
      next.tell()
    }
  }

  lose(): void {
    const newest = Math.max(...this.#reports.map((report) => report.newest ?? 0))
    this.#reports = this.#reports.filter((report) => report.newest === undefined)
    if (newest > 0) this.#reports.unshift({ tell: () => this.#listener.lost(newest), newest })
  }

  #add(report: Report): void {
    this.#reports.push(report)
    if (this.#isLate) setImmediate(() => setImmediate(() => this.report()))
    else this.report()
  }
}
