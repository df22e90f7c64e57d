import type { CompleteEventLog, NewEvent, Page, Query, RetentionRule, StoredEvent } from '@tailrace/log'
import { expect } from 'vitest'

/** Everything that some selectors select, in one page unless bounded. */
export function query(selectors: readonly string[], bounds: Partial<Query> = {}): Query {
  return { selectors, after: 0, limit: 10_000, maxBytes: 2 ** 30, ...bounds }
}

/** Reads to the end, page after page, and checks the rules for the pages of every log. */
export async function readAll(
  log: CompleteEventLog,
  selectors: readonly string[],
  bounds: Partial<Query> = {},
): Promise<StoredEvent[]> {
  return pagesOf((asked) => log.read(asked), query(selectors, bounds))
}

export async function snapshotAll(
  log: CompleteEventLog,
  selectors: readonly string[],
  bounds: Partial<Query> = {},
): Promise<StoredEvent[]> {
  return pagesOf((asked) => log.snapshots.read(asked), query(selectors, bounds))
}

/** Follows `next` until `more` is false; `between` runs after every page but the last. */
export async function pagesOf(
  ask: (query: Query) => Promise<Page>,
  first: Query,
  between: (page: Page) => Promise<void> = async () => {},
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  let { after } = first
  for (;;) {
    const page = await ask({ ...first, after })
    expect(page.events.length).toBeLessThanOrEqual(first.limit)
    for (const event of page.events) {
      expect(event.offset).toBeGreaterThan(events.at(-1)?.offset ?? first.after)
      expect(event.offset).toBeLessThanOrEqual(page.next)
      events.push(event)
    }
    if (!page.more) return events
    expect(page.next).toBeGreaterThan(after)
    after = page.next
    await between(page)
  }
}

export const dataOf = (events: readonly { readonly data: string }[]): string[] =>
  events.map(({ data }) => data)

export const offsetsOf = (events: readonly { readonly offset: number }[]): number[] =>
  events.map(({ offset }) => offset)

/** Appends one event and returns its offset. */
export async function publish(
  log: CompleteEventLog,
  topic: string,
  data: string,
  rest: Omit<NewEvent, 'topic' | 'data'> = {},
): Promise<number> {
  const [appended] = await log.append([{ topic, data, ...rest }])
  return appended!.offset
}

/** Runs retention to its end. Returns how many events it removed, and in how many steps. */
export async function trimAll(
  log: CompleteEventLog,
  rules: readonly RetentionRule[],
  now: number,
): Promise<{ removed: number; steps: number }> {
  let removed = 0
  for (let steps = 1; steps <= 10_000; steps += 1) {
    const step = await log.retention.trim(rules, now)
    removed += step.removed
    if (step.done) return { removed, steps }
  }
  throw new Error('retention is not done after 10,000 steps')
}

export async function lostThrough(log: CompleteEventLog, ...selectors: string[]): Promise<number> {
  const page = await log.read(query(selectors, { limit: 1 }))
  return page.lostThrough
}
