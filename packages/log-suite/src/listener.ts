import type { EventLog, LogError, StoredEvent, Tail, TailListener } from '@tailrace/log'

/** A tail that records what it receives. */
export interface RecordedTail {
  readonly tail: Tail
  readonly events: readonly StoredEvent[]
  /** The runs in which the events arrived. */
  readonly runs: readonly (readonly StoredEvent[])[]
  readonly purges: readonly { readonly topic: string; readonly through: number }[]
  /** What was lost, and how many events had been reported before. */
  readonly losses: readonly { readonly through: number; readonly after: number }[]
  /** The reason of each interruption, and `resumed` for its end. */
  readonly interruptions: readonly (LogError | 'resumed')[]
  readonly failures: readonly LogError[]
  /** Resolves once the tail has reached an offset. */
  reach(offset: number): Promise<void>
  /** Resolves when the reports satisfy the condition, now or later. */
  until(isEnough: () => boolean): Promise<void>
}

/** Ignores everything. */
export const NO_LISTENER: TailListener = {
  events() {},
  purged() {},
  lost() {},
  interrupted() {},
  resumed() {},
  failed() {},
}

export async function recordTail(log: Pick<EventLog, 'tail'>): Promise<RecordedTail> {
  const runs: (readonly StoredEvent[])[] = []
  const events: StoredEvent[] = []
  const purges: { topic: string; through: number }[] = []
  const losses: { through: number; after: number }[] = []
  const interruptions: (LogError | 'resumed')[] = []
  const failures: LogError[] = []
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }
  const listener: TailListener = {
    events(run) {
      runs.push(run)
      events.push(...run)
      wake()
    },
    purged(topic, through) {
      purges.push({ topic, through })
      wake()
    },
    lost(through) {
      losses.push({ through, after: events.length })
      wake()
    },
    interrupted(reason) {
      interruptions.push(reason)
      wake()
    },
    resumed() {
      interruptions.push('resumed')
      wake()
    },
    failed(error) {
      failures.push(error)
      wake()
    },
  }
  const tail = await log.tail(listener)
  function until(isEnough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      function look(): void {
        if (!isEnough()) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  }
  const reach = (offset: number): Promise<void> =>
    until(() => tail.after >= offset || events.some((event) => event.offset >= offset))
  return { tail, events, runs, purges, losses, interruptions, failures, until, reach }
}
