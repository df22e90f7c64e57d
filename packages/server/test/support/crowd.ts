import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./crowd-main.ts', import.meta.url))

/** What became of those who came. */
export interface Outcome {
  readonly live: number
  readonly closed: number
}

/** Many readers of the topic `crowd`, in a process of their own, which does not outlive this one. */
export interface Crowd {
  readonly came: Promise<Outcome>
  /** How many of those that are live got the event `to all`. */
  readonly told: Promise<number>
  /** All at once, without a word. */
  leave(): Promise<void>
}

export function startCrowd(port: number, count: number): Crowd {
  const child = fork(MAIN, [String(port), String(count)])
  const came = once(child, 'message').then(([outcome]) => outcome as Outcome)
  return {
    came,
    told: came.then(() => once(child, 'message')).then(([told]) => told as number),
    async leave() {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}
