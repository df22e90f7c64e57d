import { createHash, randomBytes } from 'node:crypto'
import type { TopicSummary } from '@tailrace/log'
import type { ResolvedBounds } from './bounds.ts'
import { EventStoreError } from './errors.ts'

/** What the topics of all sessions start with. */
export const ROOT = 'mcp/'
const SEGMENT = /^mcp\/([A-Za-z0-9_-]{43})\/([0-9]{1,15})-[0-9a-f]{8}$/

/** MCP 2025-11-25, Transports, Session Management: visible ASCII. A JWT fits. */
const SESSION = /^[\x21-\x7e]{1,4096}$/

/**
 * What the topics of a session start with. A session id is a credential and arbitrary text, so topics contain its hash.
 *
 * @throws EventStoreError `invalid-session`
 */
export function prefixOf(session: string): string {
  if (typeof session === 'string' && SESSION.test(session))
    return `${ROOT}${createHash('sha256').update(session).digest('base64url')}/`
  throw new EventStoreError('invalid-session', 'A session id must be 1 to 4,096 visible ASCII characters.')
}

/**
 * A topic that holds a run of a session's events. Events of a topic are removed together, so a session begins a new segment
 * when a quarter of its bounds is used, and older ones can go. The name contains the time at which it began.
 */
export interface Segment {
  readonly topic: string
  readonly began: number
  events: number
  bytes: number
}

export function beginSegment(prefix: string, now: number): Segment {
  return { topic: `${prefix}${now}-${randomBytes(4).toString('hex')}`, began: now, events: 0, bytes: 0 }
}

/** Whether a session must begin another segment. */
export function isFull({ began, events, bytes }: Segment, bounds: ResolvedBounds, now: number): boolean {
  return events >= bounds.maxEvents / 4 || bytes >= bounds.maxBytes / 4 || now - began >= bounds.ttlMs
}

/**
 * The segments that must be removed to keep the bounds. The newest segment of a session may be the one that it still fills.
 * Of those before it, the newest that contain half of what is allowed are kept: at most three quarters.
 */
export function surplusOf(topics: readonly TopicSummary[], bounds: ResolvedBounds, now: number): string[] {
  const { ttlMs, maxEvents, maxBytes, maxTotalBytes } = bounds
  const kept = new Map<string, { events: number; bytes: number }>()
  const surplus: string[] = []
  let total = 0
  for (const { topic, events, bytes } of topics.toSorted((a, b) => b.newest - a.newest)) {
    const [, session, began] = SEGMENT.exec(topic) ?? []
    if (session === undefined) continue
    const newer = kept.get(session)
    const isTooMuch = newer !== undefined && (newer.events >= maxEvents / 2 || newer.bytes >= maxBytes / 2)
    if (isTooMuch || total + bytes > maxTotalBytes || now - Number(began) > 2 * ttlMs) {
      surplus.push(topic)
      // Whatever is older than a segment that is removed must go as well: a replay has no gaps.
      kept.set(session, { events: Infinity, bytes: Infinity })
    } else {
      total += bytes
      const sum = newer && { events: newer.events + events, bytes: newer.bytes + bytes }
      kept.set(session, sum ?? { events: 0, bytes: 0 })
    }
  }
  return surplus
}
