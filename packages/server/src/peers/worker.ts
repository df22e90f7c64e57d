import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { portText, scanRows } from './proc-net.ts'
import type { Unacknowledged } from './proc-net.ts'
import { Verdict } from './verdict.ts'
import type { Findings } from './verdict.ts'

/** The data that the thread is started with. */
export interface WatchOrder {
  /** Those of the listener. Other connections are skipped. */
  readonly port: number
  /** How often the connections are looked at. */
  readonly sampleMs: number
  readonly patienceMs: number
}

/** The lists of the network namespace of this process. The second does not exist without IPv6. */
const LISTS = [
  ['/proc/self/net/tcp', 8],
  ['/proc/self/net/tcp6', 32],
] as const

/** The thread may use one part in this many of a core. With more to read, it looks less often. */
const PART_OF_CORE = 50
/** Node has it from 23.9 on. The time of the clock, which is never shorter, stands for it before. */
const threadCpuUsage = process.threadCpuUsage as typeof process.threadCpuUsage | undefined

const { port, sampleMs, patienceMs } = workerData as WatchOrder
const localPort = portText(port)
const verdict = new Verdict(patienceMs)
const buffer = Buffer.allocUnsafe(64 * 1024)
let hadFindings = false

function look(): void {
  const before = threadCpuUsage?.()
  const now = performance.now()
  try {
    for (const [path, addressChars] of LISTS) read(path, addressChars, (row) => verdict.add(row, now))
    report(verdict.conclude(now))
  } catch {
    // No files or no memory are left to open it. The next look completes what was seen.
  }
  setTimeout(look, Math.max(sampleMs, usedMs(before, now) * PART_OF_CORE))
}

function usedMs(before: NodeJS.CpuUsage | undefined, began: number): number {
  if (before === undefined) return performance.now() - began
  const { user, system } = threadCpuUsage!(before)
  return (user + system) / 1_000
}

function report(findings: Findings): void {
  const hasFindings = findings.stuck.length > 0 || findings.vanished.length > 0
  // Nothing is reported after only one look.
  if (hasFindings || hadFindings) parentPort!.postMessage(findings)
  hadFindings = hasFindings
}

function read(path: string, addressChars: 8 | 32, take: (row: Unacknowledged) => void): void {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (addressChars === 32 && (error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    let held = 0
    for (;;) {
      const length = readSync(file, buffer, held, buffer.length - held, null)
      if (length === 0) return
      const filled = held + length
      const done = scanRows(buffer.subarray(0, filled), addressChars, localPort, take)
      buffer.copyWithin(0, done, filled)
      held = filled - done
    }
  } finally {
    closeSync(file)
  }
}

look()
