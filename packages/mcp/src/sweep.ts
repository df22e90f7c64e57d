import type { Hub } from '@tailrace/hub'
import type { TopicSummary } from '@tailrace/log'
import type { ResolvedBounds } from './bounds.ts'
import { ROOT, surplusOf } from './segment.ts'

const PAGE = 1_000

/** Hubs whose sessions are being checked, and whether they must be checked again. */
const sweeping = new WeakMap<Hub, { isDue: boolean }>()

/** The topics with events under a prefix. */
export async function topicsUnder(hub: Hub, prefix: string): Promise<TopicSummary[]> {
  const topics: TopicSummary[] = []
  for (let after = ''; ;) {
    const page = await hub.topics({ prefix, after, limit: PAGE })
    topics.push(...page.filter(({ events }) => events > 0))
    if (page.length < PAGE) return topics
    after = page.at(-1)!.topic
  }
}

/** Removes what exceeds the bounds, of all sessions. Called whenever one begins a segment, so it needs no timer. */
export async function sweep(hub: Hub, bounds: ResolvedBounds): Promise<void> {
  const running = sweeping.get(hub)
  if (running !== undefined) {
    running.isDue = true
    return
  }
  const round = { isDue: true }
  sweeping.set(hub, round)
  try {
    while (round.isDue) {
      round.isDue = false
      const topics = await topicsUnder(hub, ROOT)
      for (const topic of surplusOf(topics, bounds, Date.now())) await hub.purge(topic)
    }
  } catch {
    // Nothing is lost by keeping too much for now. If the log cannot be reached, `storeEvent` reports it.
  } finally {
    sweeping.delete(hub)
  }
}
