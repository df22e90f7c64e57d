import type { Hub } from '@tailrace/hub'
import type { TopicSummary } from '@tailrace/log'
import type { ResolvedBounds } from './bounds.ts'
import { ROOT, surplusOf } from './segment.ts'

const PAGE = 1_000

/** All sessions are checked again when a share of their topics, or of the bytes that they may have, is new: 1/8. */
const SHARE = 8

/** What was stored since the sessions of a hub were checked. */
interface Growth {
  segments: number
  bytes: number
  /** The topics that there were then. */
  topics: number
  isBeingChecked: boolean
}

const growths = new WeakMap<Hub, Growth>()

export function growthOf(hub: Hub): Growth {
  const growth = growths.get(hub) ?? { segments: 0, bytes: 0, topics: 0, isBeingChecked: false }
  growths.set(hub, growth)
  return growth
}

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

/**
 * Removes what exceeds the bounds: of the session that begins a segment, and, if enough is new, of all sessions. It needs no
 * timer, and on average, what it costs does not depend on the number of sessions.
 */
export async function sweep(hub: Hub, begun: string, bounds: ResolvedBounds): Promise<void> {
  const growth = growthOf(hub)
  growth.segments += 1
  const check = async (): Promise<number> => trim(hub, await topicsUnder(hub, ROOT), bounds)
  const isDue = (): boolean =>
    growth.segments * SHARE >= growth.topics || growth.bytes * SHARE >= bounds.maxTotalBytes
  try {
    const own = await topicsUnder(hub, begun.slice(0, begun.lastIndexOf('/') + 1))
    const older = own.filter(({ topic }) => topic !== begun)
    // Even if nothing has been stored in it yet.
    await trim(hub, [...older, { topic: begun, newest: Infinity, ended: false, events: 0, bytes: 0 }], bounds)
    while (!growth.isBeingChecked && growth.segments > 0 && isDue()) {
      growth.isBeingChecked = true
      growth.segments = 0
      growth.bytes = 0
      growth.topics = await check().finally(() => (growth.isBeingChecked = false))
    }
  } catch {
    // Nothing is lost by keeping too much for now. If the log cannot be reached, `storeEvent` reports it.
    growth.topics = 0
  }
}

/** Resolves with the number of topics that are left. */
async function trim(hub: Hub, topics: readonly TopicSummary[], bounds: ResolvedBounds): Promise<number> {
  const surplus = surplusOf(topics, bounds, Date.now())
  for (const topic of surplus) await hub.purge(topic)
  return topics.length - surplus.length
}
