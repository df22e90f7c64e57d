import type { DatabaseSync } from 'node:sqlite'
import { refusalOf } from '../end-of-topic.ts'
import type { Refusal } from '../end-of-topic.ts'
import { IDEMPOTENCY_WINDOW_MS } from '../event-log.ts'
import type { Appended, NewEvent } from '../event-log.ts'
import { RECORD_OVERHEAD, STATE_OVERHEAD } from './schema.ts'
import type { TopicTable } from './topic-table.ts'

/** The result of one batch of a commit: the offsets of its events, or why it was refused. */
export type BatchResult = { appended: readonly Appended[] } | { refused: Refusal }

/** Events and their idempotency records. Runs within the transactions of the writer, which saves the topics. */
export interface EventTable {
  /**
   * Stores the events of a batch that were not stored before, or refuses it.
   *
   * @param nextOffset - called once for each event that is stored
   */
  store(batch: readonly NewEvent[], time: number, nextOffset: () => number): BatchResult
}

/** @param isBounded - whether retention bounds the idempotency records of a topic, so that they must be counted */
export function createEventTable(
  db: DatabaseSync,
  topics: TopicTable,
  isBounded: (topic: string) => boolean,
): EventTable {
  const findRecord = db.prepare('SELECT offset FROM answers WHERE topic = ? AND key = ? AND time > ?')
  const saveRecord = db.prepare(
    `INSERT INTO answers (topic, key, offset, time, is_bounded) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (topic, key) DO UPDATE SET offset = excluded.offset, time = excluded.time`,
  )
  const removeRecord = db.prepare('DELETE FROM answers WHERE topic = ? AND key = ?')
  const countRecord = db.prepare(
    'INSERT INTO answered VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET bytes = bytes + excluded.bytes',
  )
  const supersede = db.prepare(
    `UPDATE events SET is_newest = 0 WHERE topic = ? AND key = ? AND is_newest = 1
     RETURNING bytes, bytes + octet_length(key) + ${STATE_OVERHEAD} AS stateBytes`,
  )
  const insert = db.prepare(
    `INSERT INTO events (offset, topic, time, type, key, data, bytes, is_end, is_newest, is_removal, traceparent, tracestate)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  function remember(topic: string, key: string, offset: number, time: number): void {
    if (isBounded(topic)) {
      // One that has expired, and was not removed yet, would be counted twice.
      removeRecord.run(topic, key)
      countRecord.run(topic, Buffer.byteLength(key) + RECORD_OVERHEAD)
      saveRecord.run(topic, key, offset, time, 1)
    } else {
      saveRecord.run(topic, key, offset, time, 0)
    }
  }

  function firstOffsetOf(event: NewEvent, time: number): number | undefined {
    if (event.idempotencyKey === undefined) return undefined
    const row = findRecord.get(event.topic, event.idempotencyKey, time - IDEMPOTENCY_WINDOW_MS)
    return row === undefined ? undefined : Number(row['offset'])
  }

  /** @param isNew whether its idempotency key is known to be new */
  function append(event: NewEvent, isNew: boolean, time: number, nextOffset: () => number): Appended {
    const first = isNew ? undefined : firstOffsetOf(event, time)
    if (first !== undefined) return { offset: first, duplicate: true }
    const offset = nextOffset()
    const topic = topics.forPublish(event.topic, offset)
    const { type = null, key = null, data, end = false, remove = false, trace } = event
    const bytes = Buffer.byteLength(data)
    const superseded = key === null ? undefined : supersede.get(topic.id, key)
    if (superseded !== undefined) {
      topic.count += 1
      topic.bytes += Number(superseded['bytes'])
      topic.keys -= 1
      topic.state_bytes -= Number(superseded['stateBytes'])
    }
    const isNewest = key !== null && !remove
    if (isNewest) {
      topic.keys += 1
      topic.state_bytes += bytes + Buffer.byteLength(key) + STATE_OVERHEAD
    } else {
      topic.count += 1
      topic.bytes += bytes
    }
    const { traceparent = null, tracestate = null } = trace ?? {}
    const [isEnd, isState, isRemoval] = [Number(end), Number(isNewest), Number(remove)]
    insert.run(
      offset,
      topic.id,
      time,
      type,
      key,
      data,
      bytes,
      isEnd,
      isState,
      isRemoval,
      traceparent,
      tracestate,
    )
    if (event.idempotencyKey !== undefined) remember(event.topic, event.idempotencyKey, offset, time)
    topic.newest = offset
    if (end) topic.ended = offset
    return { offset, duplicate: false }
  }

  return {
    store(batch, time, nextOffset) {
      // To look a key up costs as much as to store it. The same object may be in a batch twice: it is new only once.
      let fresh: Set<NewEvent> | undefined
      const refused = refusalOf(
        batch,
        (topic) => topics.isEnded(topic),
        (event) => {
          const isRepeat = firstOffsetOf(event, time) !== undefined
          if (!isRepeat) fresh = (fresh ?? new Set()).add(event)
          return isRepeat
        },
      )
      return refused === undefined
        ? { appended: batch.map((event) => append(event, fresh?.delete(event) === true, time, nextOffset)) }
        : { refused }
    },
  }
}
