import type { LaneMember } from './lane.ts'

/** How many members are processed before the event loop runs other work. */
const MAX_MEMBERS_A_TURN = 500
/** The interval at which some of the streams are ended during a drain, in milliseconds. */
const DRAIN_TICK_MS = 20
/** How much each reader adds to the duration of a drain, in milliseconds. */
const DRAIN_SHARE_MS = 5

/** Runs tasks for each open stream, a few streams in each turn of the event loop. */
export class Rounds {
  readonly #members: () => Iterable<LaneMember>
  readonly #timers: NodeJS.Timeout[] = []

  constructor(members: () => Iterable<LaneMember>) {
    this.#members = members
  }

  async once(task: (member: LaneMember) => void): Promise<void> {
    let count = 0
    for (const member of this.#members()) {
      task(member)
      count += 1
      if (count % MAX_MEMBERS_A_TURN === 0) await new Promise(setImmediate)
    }
  }

  every(ms: number, task: (member: LaneMember, now: number) => void): void {
    const round = (): void => {
      const now = performance.now()
      void this.once((member) => task(member, now))
    }
    this.#timers.push(setInterval(round, ms))
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Runs a last task for each stream, spread over at most this many milliseconds. A few streams take less time. */
  async spread(overMs: number, task: (member: LaneMember) => void): Promise<void> {
    const members = [...this.#members()]
    const spreadMs = Math.min(overMs, members.length * DRAIN_SHARE_MS)
    const began = performance.now()
    for (let done = 0; done < members.length;) {
      const share = spreadMs === 0 ? 1 : (performance.now() - began) / spreadMs
      const due = Math.min(members.length, Math.ceil(share * members.length))
      for (; done < due; done += 1) task(members[done]!)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_TICK_MS))
    }
  }
}
