import { setTimeout as sleep } from 'node:timers/promises'
import { orderOf } from '../../compression/events.ts'
import { openReaders } from '../../load/readers.ts'
import { get, type Place } from '../../peer.ts'
import { startHub } from '../../peers/tailrace.ts'
import { type Figures, READER_PROCESSES, type Scenario, type Size, type Trial } from '../../scenario.ts'
import { countCpu } from '../../usage.ts'

const EVENT_BYTES = 1000
const READERS = 2000
const RATE = 40
const MANY = 1000
const MANY_RATE = 400
/** For the last bytes to arrive: what a reader has not decoded has no marks to count. */
const SETTLE_MS = 300
const seconds = (size: Size) => size.pick(4, 1)

interface Cost {
  readonly cpuMicros: number
  readonly bytes: number
}

export const compression: Scenario = {
  name: 'compression',
  title: 'Compression',
  describe: (size) =>
    `JSON events of 1 KB that differ from each other, ${RATE}/s to ${READERS.toLocaleString('en')} readers for ${seconds(size)} s, without and with \`--compress\` and readers that accept gzip; and the bytes for one reader of ${MANY.toLocaleString('en')} events, headers of the chunks included. More is measured by [compression/](compression).`,
  columns: [
    { key: 'plainMicros', title: 'CPU µs per delivery without', digits: 2 },
    { key: 'cpuMicros', title: 'with', digits: 2 },
    { key: 'cpuRatio', title: '× without', digits: 2 },
    { key: 'plainBytes', title: 'bytes per event without', digits: 0 },
    { key: 'bytes', title: 'with', digits: 0 },
    { key: 'sizeRatio', title: '× without', digits: 2 },
  ],
  excludes: ({ name }) => (name === 'tailrace-memory' ? undefined : 'not asked'),
  run: compare,
}

async function compare({ place, size }: Trial): Promise<Figures> {
  const plain = await costOf(place, size, [], 'identity')
  const packed = await costOf({ ...place, port: place.port + 1 }, size, ['--compress'], 'gzip')
  return {
    plainMicros: plain.cpuMicros,
    cpuMicros: packed.cpuMicros,
    cpuRatio: packed.cpuMicros / plain.cpuMicros,
    plainBytes: plain.bytes,
    bytes: packed.bytes,
    sizeRatio: packed.bytes / plain.bytes,
  }
}

async function costOf(place: Place, size: Size, flags: readonly string[], encoding: string): Promise<Cost> {
  await using hub = await startHub({ ...place, workers: 1 }, 'memory:', flags)
  const subscribe = get(place.port, '/topics/orders', { 'Accept-Encoding': encoding })
  return { cpuMicros: await cpuOf(), bytes: await bytesOf() }

  async function cpuOf(): Promise<number> {
    await using _ = await openReaders(subscribe, { count: READERS, processes: READER_PROCESSES })
    await publishOrders(place, size.pick(2, 0.5) * RATE, RATE)
    const events = seconds(size) * RATE
    const micros = countCpu(hub.pids())
    await publishOrders(place, events, RATE)
    return micros() / events / READERS
  }

  async function bytesOf(): Promise<number> {
    await using reader = await openReaders(subscribe, { count: 1 })
    const before = (await reader.report()).bytes
    const events = size.pick(MANY, 100)
    await publishOrders(place, events, MANY_RATE)
    return ((await reader.report()).bytes - before) / events
  }
}

/** The load generator repeats one event, of which a compressor would make nothing. */
async function publishOrders({ port }: Place, count: number, rate: number): Promise<void> {
  const began = performance.now()
  for (let number = 0; number < count; number++) {
    await sleep(Math.max(0, began + (number * 1000) / rate - performance.now()))
    const url = `http://127.0.0.1:${port}/topics/orders`
    const response = await fetch(url, { method: 'POST', body: orderOf(EVENT_BYTES, number) })
    if (!response.ok) throw new Error(await response.text())
    await response.arrayBuffer()
  }
  await sleep(SETTLE_MS)
}
