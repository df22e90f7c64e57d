import { FAN_OUT_COLUMNS, type FanOut, fanOut } from '../../fan-out.ts'
import { BLANK_MARK } from '../../load/mark.ts'
import type { Column, Scenario, Size } from '../../scenario.ts'

const SESSIONS = 2000
const RATE = 20

/** Without what the kernel does for the connections, which no library can save. */
const OWN_CPU: Column = { key: 'ownMicros', title: 'outside the kernel µs', digits: 2 }

const NOTE = JSON.stringify({ mark: BLANK_MARK, text: 'Your order has been paid', total: 12 })

const ORDER = JSON.stringify({
  mark: BLANK_MARK,
  lines: Array.from({ length: 13 }, (_, i) => ({
    sku: `A-${1000 + i}`,
    title: `Article number ${i}`,
    quantity: (i % 3) + 1,
    price: i + 0.99,
  })),
})

const work = (size: Size, data: string): FanOut => ({
  readers: SESSIONS,
  rate: RATE,
  seconds: size.pick(5, 2),
  connections: 8,
  data,
})

function embedding(name: string, what: string, data: string): Scenario {
  return {
    name,
    title: `${what} to ${SESSIONS.toLocaleString('en')} sessions`,
    describe: (size) =>
      `${RATE} objects/s of ${data.length} B of JSON, each published to all sessions of an Express app, for ${work(size, data).seconds} s.`,
    columns: FAN_OUT_COLUMNS.toSpliced(1, 0, OWN_CPU),
    run: (trial) => fanOut(trial, work(trial.size, data)),
  }
}

export const embedOrder: Scenario = embedding('embed-order', 'One order', ORDER)
export const embedNote: Scenario = embedding('embed-note', 'One short note', NOTE)
