import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Reads the cost of another process from `/proc`. Reports 0 once the process is gone. */
export interface Meter {
  /** Processor time used by all threads, in milliseconds. */
  cpuMs(): number
  /** How long the main thread was ready to run but had to wait for a processor, in milliseconds. */
  delayMs(): number
  /** Peak resident memory since the last `forgetPeak`, in bytes. */
  peakBytes(): number
  forgetPeak(): void
}

export function meterOf(pid: number): Meter {
  const folder = `/proc/${pid}`
  return {
    cpuMs() {
      let nanoseconds = 0
      for (const thread of ifThere(() => readdirSync(`${folder}/task`)) ?? []) {
        nanoseconds += Number.parseInt(read(`${folder}/task/${thread}/schedstat`), 10) || 0
      }
      return nanoseconds / 1e6
    },
    // The kernel's sched-stats: time on a processor, then time spent waiting for one.
    delayMs: () => Number(read(`${folder}/schedstat`).split(' ')[1] ?? 0) / 1e6,
    peakBytes: () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`${folder}/status`))?.[1] ?? 0) * 1024,
    // proc(5): writing 5 resets the peak to the current size.
    forgetPeak: () => ifThere(() => writeFileSync(`${folder}/clear_refs`, '5')),
  }
}

/** Whether a process still holds the server's end of a loopback connection open. */
export function isHeld(serverPort: number, client: { address: string; port: number }): boolean {
  const peer = `${toHex(client.address)}:${hexPort(client.port)}`
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  return lines.some((line) => {
    const [, local = '', remote, , , , , , , inode] = line.trim().split(/\s+/)
    // A connection without an inode is the kernel's alone: it costs no descriptor.
    return remote === peer && local.endsWith(`:${hexPort(serverPort)}`) && inode !== '0'
  })
}

function toHex(address: string): string {
  const bytes = address.split('.').map(Number)
  return Buffer.from(bytes.toReversed()).toString('hex').toUpperCase()
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

function read(path: string): string {
  return ifThere(() => readFileSync(path, 'latin1')) ?? ''
}

/** Threads and processes may end at any time, and their files in `/proc` with them. */
function ifThere<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
