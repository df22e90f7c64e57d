import type { StoredEvent } from '@tailrace/log'

import type { Row } from './connection.ts'

/** The columns of an event, whose topic has the alias `name`. */
export const COLUMNS = 'time, type, key, data, is_removal, is_end, traceparent, tracestate'

export function toEvent(row: Row): StoredEvent {
  const traceparent = row['traceparent'] as string | null
  const tracestate = (row['tracestate'] as string | null) ?? undefined
  return {
    offset: row['seq'] as number,
    topic: row['name'] as string,
    type: (row['type'] as string | null) ?? undefined,
    key: (row['key'] as string | null) ?? undefined,
    data: (row['data'] as Buffer).toString(),
    time: row['time'] as number,
    remove: row['is_removal'] as boolean,
    end: row['is_end'] as boolean,
    trace:
      traceparent === null
        ? undefined
        : tracestate === undefined
          ? { traceparent }
          : { traceparent, tracestate },
  }
}
