import { LogError } from '@tailrace/log'
import type { NewEvent, StoredEvent } from '@tailrace/log'

import type { Reply } from './connection.ts'

/** A place in the stream: that of an event has the order 0, those of records for the nodes are behind an event. */
export interface Place {
  readonly offset: number
  readonly order: number
}

/** An entry of the stream: an event, or a record for the nodes. */
export interface Entry extends Place {
  readonly id: string
  readonly event?: StoredEvent
  /** The offsets before it were skipped. */
  readonly isSkip?: boolean
  /** A topic that was purged, and the last offset that it had. */
  readonly purged?: { readonly topic: string; readonly through: number }
}

const ID = /^(\d{1,16})-(\d{1,20})$/

/** @throws LogError `corrupt` if the log has not written it */
export function toEntry(reply: Reply): Entry {
  const [id, list] = reply as readonly [string, readonly string[]]
  const place = toPlace(id)
  const fields = fieldsOf(list)
  if (place.order === 0) return { id, ...place, event: toEvent(id, place.offset, fields) }
  const kind = list[0]
  if (!(kind === 'created' || kind === 'continued' || kind === 'purged')) throw foreignEntry(id)
  if (kind !== 'purged') return { id, ...place, isSkip: kind === 'continued' }
  const [topic, through] = [fields.get('purged'), Number(fields.get('through'))]
  if (topic === undefined || !Number.isSafeInteger(through)) throw foreignEntry(id)
  return { id, ...place, purged: { topic, through } }
}

/** @throws LogError `corrupt` if the log cannot have given the id */
export function toPlace(id: string): Place {
  const [, offset, order] = ID.exec(id) ?? []
  if (offset === undefined) throw foreignEntry(id)
  return { offset: Number(offset), order: Number(order) }
}

export function isBefore(one: Place, other: Place): boolean {
  return one.offset < other.offset || (one.offset === other.offset && one.order < other.order)
}

function fieldsOf(list: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (let i = 1; i < list.length; i += 2) fields.set(list[i - 1]!, list[i]!)
  return fields
}

function toEvent(id: string, offset: number, fields: ReadonlyMap<string, string>): StoredEvent {
  const [topic, data, time] = [fields.get('topic'), fields.get('data'), Number(fields.get('time'))]
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(time)
  if (topic === undefined || data === undefined || !isWhole) throw foreignEntry(id)
  const traceparent = fields.get('traceparent')
  const tracestate = fields.get('tracestate')
  return {
    offset,
    topic,
    type: fields.get('type'),
    key: fields.get('key'),
    data,
    time,
    remove: fields.has('remove'),
    end: fields.has('end'),
    trace:
      traceparent === undefined
        ? undefined
        : tracestate === undefined
          ? { traceparent }
          : { traceparent, tracestate },
  }
}

/** The stream has an entry that the log did not write. */
export function foreignEntry(id: string): LogError {
  return new LogError(
    'corrupt',
    `The stream of the log has the entry ${id}, which the log did not write: find out who did, and remove it. ` +
      'The README of @tailrace/log-redis describes how.',
    { details: { entry: id } },
  )
}

/** The arguments of the script that appends it: its flags name what follows its data. */
export function toArguments(event: NewEvent): string[] {
  const { topic, data, type, key, remove, end, idempotencyKey, trace } = event
  let flags = ''
  const values: string[] = []
  const add = (flag: string, value: string | undefined): void => {
    if (value === undefined) return
    flags += flag
    values.push(value)
  }
  add('o', idempotencyKey)
  add('k', key)
  add('y', type)
  add('p', trace?.traceparent)
  add('s', trace?.tracestate)
  if (remove === true) flags += 'r'
  if (end === true) flags += 'e'
  return [topic, flags, data, ...values]
}
