import { textOf } from '@tailrace/http'
import { Payload } from '@tailrace/hub'
import type { Dialect } from '@tailrace/hub'

const NOTHING = new Uint8Array()

function line(value: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}

/** Streams of newline-delimited JSON. It has no words for reconnects, and none for the end of a replay. */
export const LINES: Dialect = {
  key: 'lines',
  frame: ({ topic, data }, at) => line({ ...(at && { id: textOf(at) }), topic, data }),
  live: () => NOTHING,
  gap: ({ reason, oldest }) => line({ gap: reason, oldest: textOf(oldest) }),
  end: (topic) => line({ ended: topic }),
  error: (code) => line({ error: code }),
  retry: () => NOTHING,
  heartbeat: new Payload(Buffer.from('\n')),
}
