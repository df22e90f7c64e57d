import type { Note, NoteQuery, TopicQuery, TopicSummary } from '@tailrace/log'
import { compareCodePoints } from '@tailrace/log/adapter'

import { LIST } from './scripts/list.ts'
import { NOTES } from './scripts/share.ts'
import type { RedisSession } from './session.ts'

/** Maximum topics that one script reads, while everybody else waits. */
const MAX_TOPICS_A_CALL = 500
/** Sorts after every name that can follow a prefix. */
const AFTER_EVERY_NAME = '\u{10ffff}'.repeat(64)

export async function listTopics(
  session: () => RedisSession,
  { prefix, after, limit }: TopicQuery,
): Promise<TopicSummary[]> {
  const topics: TopicSummary[] = []
  for (let last = after; topics.length < limit;) {
    const count = Math.min(limit - topics.length, MAX_TOPICS_A_CALL)
    const [, ...values] = await session().run(LIST, [...rangeOf(prefix, last), count])
    for (let i = 0; i < values.length; i += 5) {
      const [topic, newest, ended, events, bytes] = values.slice(i, i + 5)
      topics.push({
        topic: String(topic),
        newest: Number(newest),
        ended: ended === 1,
        events: Number(events),
        bytes: Number(bytes),
      })
    }
    if (values.length < 5 * count) break
    last = topics.at(-1)!.topic
  }
  return topics
}

/** @param time the time by which notes are over; an empty text is the clock of Redis */
export async function listNotes(
  session: () => RedisSession,
  { prefix, after, limit }: NoteQuery,
  time: string,
): Promise<Note[]> {
  const notes: Note[] = []
  for (let last = after; notes.length < limit;) {
    const answer = await session().run(NOTES, [time, ...rangeOf(prefix, last), limit - notes.length])
    for (let i = 2; i < answer.length; i += 2) {
      notes.push({ key: String(answer[i]), until: Number(answer[i + 1]) })
    }
    if (answer[1] === '') break
    last = String(answer[1])
  }
  return notes
}

/** The names that start with a text, after a name, as Redis writes such a range. */
function rangeOf(prefix: string, after: string): [from: string, to: string] {
  const from = compareCodePoints(after, prefix) < 0 ? `[${prefix}` : `(${after}`
  return [from, prefix === '' ? '+' : `(${prefix}${AFTER_EVERY_NAME}`]
}
