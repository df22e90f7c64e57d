import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { startService } from '@tailrace/testkit'
import type { Host, Service } from '@tailrace/testkit'

/** `RestartSec=` of the unit. */
const RESTART_MS = 1_000
/** As containers have it by default, and enough for the drain of a hub in a drill. */
const STOP_MS = 10_000

/** What a machine runs. */
export interface Job {
  readonly words: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly port: number
  /** What a service manager sends to stop it. @defaultValue SIGTERM */
  readonly stopSignal?: NodeJS.Signals | undefined
}

/** A machine with one service, which a service manager restarts whenever it exits, as `Restart=always` does. */
export class Machine implements AsyncDisposable {
  readonly host: Host
  readonly job: Job
  #service: Service | undefined
  #isWanted = false
  #extraEnv: Readonly<Record<string, string>> = {}
  #keeping: Promise<void> = Promise.resolve()
  /** The number of times that it has exited without having been stopped. */
  exits = 0

  constructor(host: Host, job: Job) {
    this.host = host
    this.job = job
  }

  get url(): string {
    return `http://${this.host.address}:${this.job.port}`
  }

  /** Resolves once it accepts connections. @param env more variables, in this life */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#extraEnv = env
    this.#isWanted = true
    this.#service = await this.#run()
    this.#keeping = this.#keep()
  }

  /**
   * Resolves once it is gone, and stays so. What does not exit in time is killed.
   *
   * @returns whether it has exited by itself
   */
  async stop(signal = this.job.stopSignal): Promise<boolean> {
    this.#isWanted = false
    let hasExited = true
    const timer = setTimeout(() => {
      hasExited = false
      void this.#service?.stop('SIGKILL')
    }, STOP_MS)
    await this.#service?.stop(signal)
    await this.#keeping
    // It may have been about to start again.
    await this.#service?.stop(signal)
    this.#service = undefined
    clearTimeout(timer)
    return hasExited
  }

  kill(): void {
    process.kill(this.#service!.pid, 'SIGKILL')
  }

  /** Suspends all of its processes, as a hypervisor may do with a machine. */
  freeze(): void {
    for (const pid of familyOf(this.#service!.pid)) process.kill(pid, 'SIGSTOP')
  }

  thaw(): void {
    for (const pid of familyOf(this.#service!.pid)) process.kill(pid, 'SIGCONT')
  }

  get isRunning(): boolean {
    return this.#service !== undefined
  }

  output(): string {
    return this.#service?.output() ?? `${this.host.name} does not run`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }

  #run(): Promise<Service> {
    const { words, env, port } = this.job
    // Nothing of our own environment, which is that of a developer or a test runner.
    const variables = { PATH: process.env['PATH'] ?? '', ...env, ...this.#extraEnv }
    const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
    return startService({ command: 'env', args: ['-i', ...assignments, ...words], port, on: this.host })
  }

  async #keep(): Promise<void> {
    while (this.#isWanted) {
      await this.#service?.exited
      this.#service = undefined
      if (!this.#isWanted) return
      this.exits += 1
      await delay(RESTART_MS)
      if (!this.#isWanted) return
      try {
        this.#service = await this.#run()
      } catch {
        // It exited at once, or hangs. The next attempt follows.
      }
    }
  }
}

/** A process, and all that it has started. */
function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))]
}
