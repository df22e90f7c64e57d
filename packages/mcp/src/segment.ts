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
  if (SESSION.test(session)) return `${ROOT}${createHash('sha256').update(session).digest('base64url')}/`
  throw new EventStoreError('invalid-session', 'A session id must be 1 to 4,096 visible ASCII characters.')
}

/**
 * A topic that holds a run of a session's events. Events of a topic are removed together, so a session begins a new segment
 * when half of its bounds are used, and older ones can go. The name contains the time at which it began.
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
  return events >= bounds.maxEvents / 2 || bytes >= bounds.maxBytes / 2 || now - began >= bounds.ttlMs
}

/** The segments that must be removed to keep the bounds. */
export function surplusOf(topics: readonly TopicSummary[], bounds: ResolvedBounds, now: number): string[] {
  const { ttlMs, maxEvents, maxBytes, maxTotalBytes } = bounds
  const kept = new Map<string, { events: number; bytes: number }>()
  const surplus: string[] = []
  let total = 0
  for (const { topic, events, bytes } of topics.toSorted((a, b) => b.newest - a.newest)) {
    const [, session, began] = SEGMENT.exec(topic) ?? []
    if (session === undefined || events === 0) continue
    const newer = kept.get(session)
    const sum = { events: (newer?.events ?? 0) + events, bytes: (newer?.bytes ?? 0) + bytes }
    // The newest segment of a session may be the one that it still fills.
    const isTooMuch = newer !== undefined && (sum.events > maxEvents / 2 || sum.bytes > maxBytes / 2)
    if (isTooMuch || total + bytes > maxTotalBytes || now - Number(began) > 2 * ttlMs) surplus.push(topic)
    else total += bytes
    // Whatever is older than a segment that is removed must go as well: a replay has no gaps.
    kept.set(session, surplus.at(-1) === topic ? { events: Infinity, bytes: Infinity } : sum)
  }
  return surplus
}
