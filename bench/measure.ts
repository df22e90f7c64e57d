import { setTimeout as sleep } from 'node:timers/promises'
import { markedData } from './load/mark.ts'
import { publish, type PublishReport } from './load/publish.ts'
import type { Readers, ReadersReport } from './load/readers.ts'
import type { WireRequest } from './peer.ts'
import type { ServerProcess } from './server-process.ts'
import { cpuMicros, kernelMicros, machineCpuMicros } from './usage.ts'

/** The event of the bench: 100 bytes of data. */
export const EVENT_DATA = markedData(100)

const SETTLE_STEP_MS = 200
const MAX_SETTLE_MS = 5000

export interface Load {
  readonly request: WireRequest
  readonly rate: number
  readonly seconds: number
  /**
   * Publishing connections: enough for a hub that responds within `connections / rate` seconds not to be held up by
   * them.
   */
  readonly connections: number
  /** Topics that get the events in turn. @defaultValue 1 */
  readonly topics?: number
}

export interface Measured {
  readonly received: ReadersReport
  readonly published: PublishReport
  /** CPU time of the server's processes, from the first event to the last delivery. */
  readonly cpuMicros: number
  /** The part of it that they spent in the kernel. */
  readonly kernelMicros: number
  /** CPU time of readers and publishers. */
  readonly generatorMicros: number
  /** CPU time of processes that are not part of the bench. */
  readonly othersMicros: number
  readonly wallMs: number
}

/** Publishes at the given rate while `readers` count, and waits until nothing more arrives. */
export async function measure(
  server: Pick<ServerProcess, 'pids'>,
  readers: Readers,
  load: Load,
): Promise<Measured> {
  const pids = server.pids()
  await readers.reset()
  const generatorBefore = (await readers.report()).cpuMs
  const machineBefore = machineCpuMicros()
  const cpuBefore = cpuMicros(pids)
  const kernelBefore = kernelMicros(pids)
  const began = performance.now()
  const published = await publish(load.request, load)
  const received = await settle(readers)
  const serverMicros = cpuMicros(pids) - cpuBefore
  const inKernel = kernelMicros(pids) - kernelBefore
  const generatorMicros = (received.cpuMs - generatorBefore + published.cpuMs) * 1000
  return {
    received,
    published,
    cpuMicros: serverMicros,
    kernelMicros: inKernel,
    generatorMicros,
    othersMicros: Math.max(0, machineCpuMicros() - machineBefore - serverMicros - generatorMicros),
    wallMs: performance.now() - began,
  }
}

/** Runs the load and discards the result: afterwards, JITs have compiled and buffers have grown. */
export async function warmUp(readers: Readers, load: Load): Promise<void> {
  await publish(load.request, load)
  await settle(readers)
}

async function settle(readers: Readers): Promise<ReadersReport> {
  const deadline = performance.now() + MAX_SETTLE_MS
  let before = -1
  for (;;) {
    const report = await readers.report()
    if (report.deliveries === before || performance.now() > deadline) return report
    before = report.deliveries
    await sleep(SETTLE_STEP_MS)
  }
}
