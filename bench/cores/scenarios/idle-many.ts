import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '../../load/publish.ts'
import { openReaders, type Readers } from '../../load/readers.ts'
import { EVENT_DATA, warmUp } from '../../measure.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { fileLimit, kernelBytes, residentBytes } from '../../usage.ts'

const KIB = 1024
const MIB = KIB * KIB
const SETTLE_MS = 2000
/** Time for one event to reach everyone. */
const LAST_DELIVERY_MS = 20_000

interface Many {
  readonly name: string
  readonly readers: (size: Size) => number
  /** At least as many processes, so that their descriptors suffice. */
  readonly processes?: number
  readonly asks: readonly string[]
}

function idleMany({ name, readers, processes, asks }: Many): Scenario {
  return {
    name,
    title: `${readers({ isQuick: false, pick: (full) => full }).toLocaleString('en')} idle readers`,
    describe: (size) =>
      `${readers(size).toLocaleString('en')} readers from several loopback addresses${processes === undefined ? '' : `, held by ${processes} worker processes or more`}. Resident memory of all processes of the server with them less that without, per reader; and half of what the kernel's memory grows by, since it has both ends of each connection. Then one event for all of them.`,
    columns: [
      { key: 'kibPerReader', title: 'KiB per reader', digits: 2 },
      { key: 'kernelKib', title: 'KiB of the kernel per connection', digits: 2 },
      { key: 'baseMib', title: 'MiB without readers', digits: 1 },
      { key: 'connectMs', title: 'ms to connect them', digits: 0 },
      { key: 'closed', title: 'closed by the server', digits: 0 },
      { key: 'delivered', title: 'readers that got the event %', digits: 2 },
      { key: 'lastMs', title: 'the last one after ms', digits: 0 },
      { key: 'processes', title: 'processes', digits: 0 },
      { key: 'files', title: 'open files allowed to each', digits: 0 },
    ],
    maxRuns: 1,
    excludes: (peer) => (asks.includes(peer.name) ? undefined : 'not asked'),
    run: (trial) => hold(trial, readers(trial.size), processes),
  }
}

export const idle16k: Scenario = idleMany({
  name: 'idle-16k',
  readers: (size) => size.pick(16_000, 2000),
  asks: ['tailrace', 'tailrace-workers'],
})

export const idle60k: Scenario = idleMany({
  name: 'idle-60k',
  readers: (size) => size.pick(60_000, 4000),
  processes: 4,
  asks: ['tailrace-workers', 'nchan'],
})

async function hold({ peer, place, size }: Trial, count: number, processes = 0): Promise<Figures> {
  await using server = await peer.start({
    ...place,
    workers: atLeastOf(place.workers, processes),
    cores: atLeastOf(place.cores, processes),
  })
  const subscribe = peer.subscribe(place, 'idle')
  const request = peer.publish(place, 'idle', EVENT_DATA)
  {
    // The first readers cost more than each further one.
    await using some = await openReaders(subscribe, { count: 200 })
    await warmUp(some, { request, rate: 50, seconds: 1, connections: 8 })
  }
  await sleep(size.pick(SETTLE_MS, 500))
  const pids = server.pids()
  const before = { resident: residentBytes(pids), kernel: kernelBytes() }
  const began = performance.now()
  await using readers = await openReaders(subscribe, { count })
  const connectMs = performance.now() - began
  await sleep(size.pick(SETTLE_MS, 500))
  const resident = residentBytes(pids) - before.resident
  const kernel = kernelBytes() - before.kernel
  const { closed } = await readers.report()
  return {
    kibPerReader: resident / KIB / count,
    kernelKib: kernel / 2 / KIB / count,
    baseMib: before.resident / MIB,
    connectMs,
    closed,
    ...(await oneEvent(readers, () => publish(request, { connections: 1, rate: 0, count: 1 }), count)),
    processes: pids.length,
    files: fileLimit(),
  }
}

function atLeastOf(chosen: number | undefined, least: number): number | undefined {
  return least === 0 ? chosen : Math.max(chosen ?? least, least)
}

async function oneEvent(readers: Readers, send: () => Promise<unknown>, count: number): Promise<Figures> {
  await readers.reset()
  await send()
  const deadline = performance.now() + LAST_DELIVERY_MS
  let report = await readers.report()
  while (report.deliveries < count && performance.now() < deadline) {
    await sleep(100)
    report = await readers.report()
  }
  return { delivered: (report.deliveries / count) * 100, lastMs: report.latency.maxMs }
}
