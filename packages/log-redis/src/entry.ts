import { LogError } from '@tailrace/log'
import type { NewEvent, StoredEvent } from '@tailrace/log'

import type { Reply } from './connection.ts'

/** An entry of the stream: an event, or a record for the nodes. */
export interface Entry {
  readonly id: string
  readonly offset: number
  readonly event?: StoredEvent
  /** A topic that was purged, and the last offset that it had. */
  readonly purged?: { readonly topic: string; readonly through: number }
}

const ID = /^(\d{1,16})-(\d{1,20})$/

/** @throws LogError `corrupt` if the log has not written it */
export function toEntry(reply: Reply): Entry {
  const [id, list] = reply as readonly [string, readonly string[]]
  const [, offset, place] = ID.exec(id) ?? []
  const fields = fieldsOf(list)
  if (place === '0') return { id, offset: Number(offset), event: toEvent(id, Number(offset), fields) }
  const kind = list[0]
  if (offset === undefined || !(kind === 'created' || kind === 'continued' || kind === 'purged'))
    throw unknown(id)
  if (kind !== 'purged') return { id, offset: Number(offset) }
  const [topic, through] = [fields.get('purged'), Number(fields.get('through'))]
  if (topic === undefined || !Number.isSafeInteger(through)) throw unknown(id)
  return { id, offset: Number(offset), purged: { topic, through } }
}

function fieldsOf(list: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (let i = 1; i < list.length; i += 2) fields.set(list[i - 1]!, list[i]!)
  return fields
}

function toEvent(id: string, offset: number, fields: ReadonlyMap<string, string>): StoredEvent {
  const [topic, data, time] = [fields.get('topic'), fields.get('data'), Number(fields.get('time'))]
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(time)
  if (topic === undefined || data === undefined || !isWhole) throw unknown(id)
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

function unknown(id: string): LogError {
  return foreignEntry(id)
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

/** The arguments of the script that appends it: the flags say which of the optional ones it has. */
export function toArguments(event: NewEvent): string[] {
  const { topic, data, type, key, remove, end, idempotencyKey, trace } = event
  const flags =
    (idempotencyKey === undefined ? '' : 'o') +
    (key === undefined ? '' : 'k') +
    (type === undefined ? '' : 'y') +
    (remove === true ? 'r' : '') +
    (end === true ? 'e' : '') +
    (trace === undefined ? '' : 'p') +
    (trace?.tracestate === undefined ? '' : 's')
  const bytes = `${Buffer.byteLength(data)}`
  const optional = [type, trace?.traceparent, trace?.tracestate].map((text) => text ?? '')
  return [topic, flags, idempotencyKey ?? '', key ?? '', bytes, data, ...optional]
}
