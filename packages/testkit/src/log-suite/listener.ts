import type { EventLog, LogError, StoredEvent, Tail, TailListener } from '@tailrace/log'

/** A tail that records what it receives. */
export interface RecordedTail {
  readonly tail: Tail
  readonly events: readonly StoredEvent[]
  /** The runs in which the events arrived. */
  readonly runs: readonly (readonly StoredEvent[])[]
  readonly purges: readonly { readonly topic: string; readonly through: number }[]
  readonly failures: readonly LogError[]
  /** Resolves when the recorded calls satisfy the condition, now or later. */
  until(isEnough: () => boolean): Promise<void>
}

export async function recordTail(log: EventLog): Promise<RecordedTail> {
  const runs: (readonly StoredEvent[])[] = []
  const events: StoredEvent[] = []
  const purges: { topic: string; through: number }[] = []
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
  return { tail, events, runs, purges, failures, until }
}
