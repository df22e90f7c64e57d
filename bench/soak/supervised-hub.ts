import { readFileSync } from 'node:fs'
import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'

/**
 * The young generation of V8's heap grows to its bound within minutes, whatever is kept. With a small bound it
 * reaches it at once, and any growth after that is memory that something holds.
 */
const ENV = { NODE_OPTIONS: '--max-semi-space-size=4' }

/** A hub on one port and one log, over all its lives. */
export class SupervisedHub implements AsyncDisposable {
  readonly #log: string
  readonly #args: string[]
  #hub: HubProcess
  restarts = 0
  stalls = 0

  private constructor(hub: HubProcess, log: string, args: string[]) {
    this.#hub = hub
    this.#log = log
    this.#args = args
  }

  static async start(log: string, args: string[]): Promise<SupervisedHub> {
    return new SupervisedHub(await startHub({ log, args, env: ENV }), log, args)
  }

  get url(): string {
    return this.#hub.url
  }

  get port(): number {
    return this.#hub.port
  }

  async killAndRestart(): Promise<void> {
    const { port } = this.#hub
    await this.#hub.kill('SIGKILL')
    this.#hub = await startHub({ log: this.#log, args: this.#args, env: ENV, port })
    this.restarts += 1
  }

  /** Suspends the process for a while, as a swapping machine or a debugger does. */
  async stall(ms: number): Promise<void> {
    const { pid } = this.#hub
    process.kill(pid, 'SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, ms))
    process.kill(pid, 'SIGCONT')
    this.stalls += 1
  }

  /** Resident memory in bytes (Linux). Undefined between two lives. */
  residentBytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#hub.pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024 || undefined
    } catch {
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub[Symbol.asyncDispose]()
  }
}
