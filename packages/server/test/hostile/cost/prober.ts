import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./prober-main.ts', import.meta.url))

/** Ordinary requests: the two health checks, a publish, and a stream that begins with a replay. */
export type Probe = 'healthz' | 'readyz' | 'publish' | 'stream'

/** Results of all probes since the last report. */
export interface Report {
  /** The slowest answer to each probe, in milliseconds, including probes that are still unanswered. */
  readonly worst: Readonly<Partial<Record<Probe, number>>>
  /** The first three probes that failed. */
  readonly failures: readonly string[]
}

/** Sends probes continuously from a process of its own, which does not outlive this one. */
export interface Prober extends Disposable {
  readonly pid: number
  report(): Promise<Report>
}

export function startProber(url: string, ca: string): Prober {
  const child = fork(MAIN, [url, ca])
  return {
    pid: child.pid!,
    async report() {
      const answer = once(child, 'message')
      child.send('report')
      const [report] = (await answer) as [Report]
      return report
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  }
}
