import type { CompleteEventLog, LogError, StoredEvent } from '@tailrace/log'

export async function publish(log: CompleteEventLog, data: string, topic = 'a'): Promise<number> {
  const [appended] = await log.append([{ topic, data }])
  return appended!.offset
}

/** Everything that is retained. */
export async function readAll(log: CompleteEventLog, selector = '**'): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after = 0, more = true; more;) {
    const page = await log.read({ selectors: [selector], after, limit: 1_000, maxBytes: 2 ** 20 })
    events.push(...page.events)
    after = page.next
    more = page.more
  }
  return events
}

/** What a tail reports. */
export interface Followed {
  readonly after: number
  readonly events: readonly StoredEvent[]
  /** The topics that were purged. */
  readonly purges: readonly string[]
  /** Up to where something was lost, each time. */
  readonly losses: readonly number[]
  readonly interrupted: Promise<LogError>
  /** The end of the first interruption. */
  readonly resumed: Promise<void>
  readonly failure: Promise<LogError>
  /** Resolves when the events satisfy the condition, now or later. */
  until(isEnough: (events: readonly StoredEvent[]) => boolean): Promise<void>
}

export async function follow(log: CompleteEventLog): Promise<Followed> {
  const events: StoredEvent[] = []
  const purges: string[] = []
  const losses: number[] = []
  const interrupted = Promise.withResolvers<LogError>()
  const resumed = Promise.withResolvers<void>()
  const failure = Promise.withResolvers<LogError>()
  const waiting = new Set<() => void>()
  const { after } = await log.tail({
    events(run) {
      events.push(...run)
      for (const look of waiting) look()
    },
    purged: (topic) => void purges.push(topic),
    lost: (through) => void losses.push(through),
    interrupted: interrupted.resolve,
    resumed: resumed.resolve,
    failed: failure.resolve,
  })
  return {
    after,
    events,
    purges,
    losses,
    interrupted: interrupted.promise,
    resumed: resumed.promise,
    failure: failure.promise,
    until: (isEnough) =>
      new Promise((resolve) => {
        function look(): void {
          if (!isEnough(events)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}

export const texts = (events: readonly { readonly data: string }[]): string[] =>
  events.map(({ data }) => data)
