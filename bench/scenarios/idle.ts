import { setTimeout as sleep } from 'node:timers/promises'
import { openReaders } from '../load/readers.ts'
import { EVENT_DATA, warmUp } from '../measure.ts'
import type { Figures, Scenario, Size, Trial } from '../scenario.ts'
import { cpuMicros, residentBytes } from '../usage.ts'

const KIB = 1024
const readerCount = (size: Size) => size.pick(15_000, 10_000)
const idleSeconds = (size: Size) => size.pick(8, 3)
const CPU_READERS = 10_000
/** Of the readers: with more, the figure would not be one of idle readers. */
const MAX_CLOSED = 0.01

export const idle: Scenario = {
  name: 'idle-memory',
  title: 'Idle readers',
  describe: (size) =>
    `Resident memory with ${readerCount(size).toLocaleString('en')} idle readers less that with none, per reader; and the CPU that ${CPU_READERS.toLocaleString('en')} idle readers cost over ${idleSeconds(size)} s, heartbeats as each peer's configuration has them.`,
  columns: [
    { key: 'kibPerReader', title: 'KiB per reader', digits: 2, isPlotted: true },
    { key: 'baseMib', title: 'MiB without readers', digits: 1 },
    { key: 'connectMs', title: 'ms to connect them', digits: 0 },
    { key: 'idleCpu', title: 'idle CPU % of a core', digits: 2, isPlotted: true },
    { key: 'closed', title: 'closed by the server', digits: 0 },
  ],
  run: idleReaders,
}

async function idleReaders({ peer, place, size }: Trial): Promise<Figures> {
  await using server = await peer.start(place)
  const subscribe = peer.subscribe(place, 'idle')
  {
    // The first readers cost more than each further one.
    await using some = await openReaders(subscribe, { count: 100 })
    await warmUp(some, {
      request: peer.publish(place, 'idle', EVENT_DATA),
      rate: 50,
      seconds: 1,
      connections: 4,
    })
  }
  await sleep(size.pick(1000, 500))
  const before = residentBytes(server.pids())
  const count = readerCount(size)
  const began = performance.now()
  await using first = await openReaders(subscribe, { count: CPU_READERS })
  const connectMs = ((performance.now() - began) / CPU_READERS) * count
  await sleep(size.pick(1000, 500))
  const idleCpu = await cpuOver(server.pids(), idleSeconds(size))
  await using rest = await openReaders(subscribe, { count: Math.max(1, count - CPU_READERS) })
  await sleep(size.pick(3000, 500))
  const bytes = residentBytes(server.pids()) - before
  const closed = (await first.report()).closed + (await rest.report()).closed
  if (closed > count * MAX_CLOSED) throw new Error(`${closed} of ${count} idle readers were closed`)
  return {
    kibPerReader: bytes / KIB / (count - closed),
    baseMib: before / KIB / KIB,
    connectMs,
    idleCpu,
    closed,
  }
}

async function cpuOver(pids: readonly number[], seconds: number): Promise<number> {
  const before = cpuMicros(pids)
  await sleep(seconds * 1000)
  return ((cpuMicros(pids) - before) / (seconds * 1e6)) * 100
}
