import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createHub } from '@tailrace/hub'
import type { Sink, SinkListener } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { expect, test } from 'vitest'
import { reading } from './opening.ts'

const TOPICS = 100_000
const BATCH = 1_000

/** A reader that keeps no more than the last of what it is given. */
function createLastSink(): Sink & { last: string; listener?: SinkListener } {
  return {
    last: '',
    isReady: true,
    attach(listener) {
      this.listener = listener
    },
    write({ bytes }) {
      this.last = Buffer.from(bytes).toString()
    },
    end() {},
    destroy() {},
  }
}

test('100,000 topics with one reader each: all get their event, and nothing of them stays', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0, maxQueuedReads: 4 * TOPICS })
  const sinks = Array.from({ length: TOPICS }, createLastSink)
  await Promise.all(sinks.map((sink, i) => hub.subscribe(reading({ selectors: [`t/${i}`] }), () => sink)))
  for (let first = 0; first < TOPICS; first += BATCH) {
    await hub.publish(
      Array.from({ length: BATCH }, (_, i) => ({ topic: `t/${first + i}`, data: `for ${first + i}` })),
    )
  }
  while (!sinks.at(-1)!.last.includes('for')) await new Promise(setImmediate)
  expect(sinks.findIndex(({ last }, i) => !last.includes(`data: for ${i}\n`))).toBe(-1)
  collect()
  const busy = process.memoryUsage().heapUsed
  for (const { listener } of sinks) listener!.closed()
  sinks.length = 0
  await new Promise(setImmediate)
  collect()
  // A lane with its window is more than 500 bytes.
  expect(busy - process.memoryUsage().heapUsed).toBeGreaterThan(TOPICS * 500)
  await hub.close()
}, 180_000)
