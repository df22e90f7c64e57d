import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./prober-main.ts', import.meta.url))

/** What everybody asks of a hub: whether it runs, whether its log works, a publish, and a stream from the log. */
export type Probe = 'healthz' | 'readyz' | 'publish' | 'stream'

/** What became of the probes since the last report. */
export interface Report {
  /** The slowest answer to each probe, in milliseconds. A probe under way counts with the time it has taken so far. */
  readonly worst: Readonly<Partial<Record<Probe, number>>>
  /** Of probes that were not answered as they should be, the first three. */
  readonly failures: readonly string[]
}

/** Asks a hub all the time, in a process of its own, which does not outlive this one. */
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
