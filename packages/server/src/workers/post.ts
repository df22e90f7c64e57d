import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FailedElsewhere } from '../cli/failure.ts'
import type { Journal } from '../observe/journal.ts'
import type { Order, Started, SupervisorCalls, WorkerCalls } from './calls.ts'
import { Link } from './link.ts'

/** How many pings in a row a process may leave unanswered. It is sent one per second. */
const MAX_UNANSWERED = 5
/** The same for one that has not answered any yet, because it is being loaded. */
const MAX_UNANSWERED_AT_FIRST = 60
/** The pause before a process is replaced that ended soon after its start, the second time and at most. */
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5_000
/** A process that was ready for so long is replaced at once. */
const SETTLED_MS = 10_000

/** Emitted JavaScript keeps this URL as it is written, so it must name the file that really exists. */
const IS_SOURCE = import.meta.url.endsWith('.ts')
/** For Node, the sources import each other by this condition. */
const CONDITION = '--conditions=@tailrace/source'
const CONDITIONS = IS_SOURCE && !process.execArgv.includes(CONDITION) ? [CONDITION] : []
const CHILD = fileURLToPath(new URL(IS_SOURCE ? './child.ts' : './child.js', import.meta.url))

export interface PostOptions {
  /** In the words of an operator, such as `worker 2`. */
  readonly name: string
  /** Names the process in its lines. */
  readonly journal: Journal
  /** What a process is to do. */
  order(): Order
  /** Answers a process. Called for each. */
  calls(): SupervisorCalls
  /** Called when a process is gone, whether it was ready or not. */
  onGone(): void
}

/** Workers answer all calls, the owner of the log those of every child. */
export type ChildLink = Link<WorkerCalls>

/** A child process, and the supervisor's end of the channel to it. */
interface Holder {
  readonly child: ChildProcess
  readonly link: ChildLink
  /** Resolves with how it ended, in words. */
  readonly end: Promise<string>
  isReady: boolean
  heard: number
  unanswered: number
}

/** A place in which there is to be a process at all times: one that ends, or does not answer, is replaced. */
export class Post {
  readonly name: string
  readonly #options: PostOptions
  #holder: Holder | undefined
  #isEnding = false
  #pauseMs = 0
  /** How often its process was replaced. */
  replacements = 0

  constructor(options: PostOptions) {
    this.name = options.name
    this.#options = options
  }

  /** The channel to its process. Undefined while none is ready. */
  get link(): ChildLink | undefined {
    return this.#holder?.isReady === true ? this.#holder.link : undefined
  }

  /** Starts the first process. @throws FailedElsewhere if it cannot start; it is then not replaced */
  async start(): Promise<Started> {
    const { name, order, onGone } = this.#options
    const holder = this.#fork()
    const { child, link, end } = holder
    this.#holder = holder
    const started = await Promise.race([link.ask('start', order()).catch(() => end), end])
    if (typeof started === 'object' && 'port' in started) {
      const readyAt = performance.now()
      holder.isReady = true
      void end.then((how) => this.#replace(how, performance.now() - readyAt))
      return started
    }
    child.kill('SIGKILL')
    onGone()
    this.#holder = undefined
    if (typeof started === 'object') throw new FailedElsewhere(started)
    throw new FailedElsewhere({ text: `tailrace: ${name} ${started} before it was ready\n`, exitCode: 1 })
  }

  /** Asks its process whether it still answers. Called once per second. */
  beat(): void {
    const holder = this.#holder
    if (holder === undefined) return
    const { child, link } = holder
    holder.unanswered = link.heard === holder.heard ? holder.unanswered + 1 : 0
    holder.heard = link.heard
    if (holder.unanswered > (link.heard === 0 ? MAX_UNANSWERED_AT_FIRST : MAX_UNANSWERED)) {
      this.#options.journal.warn('does not answer, and is killed')
      child.kill('SIGKILL')
    } else {
      // The answer shows in what was heard.
      link.ask('ping').catch(() => undefined)
    }
  }

  /** From now on, its process is not replaced. */
  letEnd(): void {
    this.#isEnding = true
  }

  /** Ends its process, by force if it does not end within this time. */
  async stop(withinMs: number): Promise<void> {
    this.#isEnding = true
    const holder = this.#holder
    if (holder === undefined) return
    const { child, link, end, isReady } = holder
    if (isReady) link.ask('stop').catch(() => undefined)
    else child.kill('SIGKILL')
    const late = setTimeout(() => child.kill('SIGKILL'), withinMs)
    await end
    clearTimeout(late)
  }

  /** Ends its process at once. */
  kill(): void {
    this.#isEnding = true
    this.#holder?.child.kill('SIGKILL')
  }

  #fork(): Holder {
    const { name, calls } = this.#options
    const child = fork(CHILD, [name], {
      execArgv: [...process.execArgv, ...CONDITIONS],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const end = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(`ended (${signal ?? `exit code ${code}`})`))
      child.once('error', ({ message }) => resolve(`could not be run (${message})`))
    })
    return { child, link: new Link(child, calls()), end, isReady: false, heard: 0, unanswered: 0 }
  }

  async #replace(how: string, readyMs: number): Promise<void> {
    const { journal, onGone } = this.#options
    this.#holder = undefined
    onGone()
    if (readyMs > SETTLED_MS) this.#pauseMs = 0
    for (let reason = how; !this.#isEnding;) {
      journal.warn(`${reason}, and is replaced${this.#pauseMs === 0 ? '' : ` in ${this.#pauseMs} ms`}`)
      await delay(this.#pauseMs)
      this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, 2 * this.#pauseMs))
      if (this.#isEnding) return
      try {
        await this.start()
        this.replacements += 1
        return
      } catch (error) {
        reason = `could not start (${(error as Error).message})`
      }
    }
  }
}
