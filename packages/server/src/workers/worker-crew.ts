import type { Crew, Everyone, Member } from '../crew.ts'
import type { Claim, Grant } from '../limits/ledger.ts'
import type { Spending } from '../limits/spending.ts'
import { allWorkers } from './all-workers.ts'
import type { Order, Spent, SupervisorCalls, WorkerCalls } from './calls.ts'
import type { Link } from './link.ts'

/** How often a worker reports to the others, if there is anything to report. */
const REPORT_MS = 250
/** Clients whose spending is reported together. With more, it is reported earlier. */
const MAX_SPENT = 1_000
/** How often it sends its counters, which are what is left of it when it is killed. */
const COUNTERS_MS = 2_000

/** The workers of a hub, as one of them sees them through the supervisor. */
export class WorkerCrew implements Crew {
  readonly size: number
  readonly ticketKeys: Buffer
  readonly #number: number
  readonly #link: Link<SupervisorCalls>
  #grants = 0
  #member: Member | undefined
  #spend: (...spent: Spent) => void = () => undefined
  #spent = new Map<string, [events: number, bytes: number]>()
  #reported = 0
  #tellOthers: (sockets: number) => void = () => undefined

  constructor({ number, size, ticketKeys }: Extract<Order, { role: 'worker' }>, link: Link<SupervisorCalls>) {
    this.size = size
    // A child receives the bytes, but not their class.
    this.ticketKeys = Buffer.from(ticketKeys)
    this.#number = number
    this.#link = link
  }

  readonly ledger = {
    take: async (claims: readonly Claim[]): Promise<Grant> => {
      this.#grants += 1
      const id = this.#grants
      const exceeded = await this.#link.ask(
        'take',
        id,
        claims.map(({ key, max }) => ({ key, max })),
      )
      if (exceeded !== undefined) return { exceeded }
      return { release: () => this.#link.tell('release', id) }
    },
  }

  readonly spending: Spending = {
    report: (key, events, bytes) => {
      const spent = this.#spent.get(key) ?? [0, 0]
      this.#spent.set(key, [spent[0] + events, spent[1] + bytes])
      if (this.#spent.size >= MAX_SPENT) this.#report()
    },
    onSpent: (spend) => {
      this.#spend = spend
    },
  }

  own(maxStreams: number): Claim {
    return { key: `streams of worker ${this.#number}`, max: maxStreams }
  }

  onOthers(tell: (sockets: number) => void): void {
    this.#tellOthers = tell
  }

  join(member: Member): Everyone {
    this.#member = member
    setInterval(() => this.#report(), REPORT_MS).unref()
    setInterval(() => void this.#sendCounters(member), COUNTERS_MS).unref()
    return { ...allWorkers(this.#link), metrics: () => this.#link.ask('collect') }
  }

  /** What the supervisor may ask. */
  calls(): Omit<WorkerCalls, 'start' | 'ping' | 'drain' | 'stop'> {
    const { metrics, ready, listStreams, findStream, endStreams } = this.#member!
    return {
      metrics,
      ready,
      listStreams,
      findStream,
      endStreams,
      others: (sockets) => this.#tellOthers(sockets),
      spent: (list) => {
        for (const spent of list) this.#spend(...spent)
      },
    }
  }

  #report(): void {
    const sockets = this.#member?.sockets() ?? 0
    if (sockets === this.#reported && this.#spent.size === 0) return
    const spent = [...this.#spent].map(([key, [events, bytes]]): Spent => [key, events, bytes])
    this.#link.tell('report', { sockets, spent })
    this.#reported = sockets
    this.#spent = new Map()
  }

  async #sendCounters(member: Member): Promise<void> {
    this.#link.tell('counted', await member.counters())
  }
}
