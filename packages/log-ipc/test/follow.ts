import type { EventLog, LogError, StoredEvent } from '@tailrace/log'

/** What a tail reports. */
export interface Followed {
  readonly after: number
  readonly events: readonly StoredEvent[]
  readonly purges: readonly (readonly [topic: string, through: number])[]
  /** The codes of interruptions, `resumed`, `lost` and `failed`, in order. */
  readonly states: readonly string[]
  readonly failures: readonly LogError[]
}

export async function follow(log: EventLog): Promise<Followed> {
  const events: StoredEvent[] = []
  const purges: [string, number][] = []
  const states: string[] = []
  const failures: LogError[] = []
  const { after } = await log.tail({
    events: (run) => void events.push(...run),
    purged: (topic, through) => void purges.push([topic, through]),
    lost: () => void states.push('lost'),
    interrupted: ({ code }) => void states.push(code),
    resumed: () => void states.push('resumed'),
    failed: (error) => void failures.push(error),
  })
  return { after, events, purges, states, failures }
}
