import type { Target } from './target.ts'

/** What came back. */
export interface Answer {
  /** 0 where the connection was closed without a word, or the protocol has no status. */
  readonly status: number
  readonly bytes: number
}

/** Something that a client may do to a hub, in any size. */
export interface Input {
  readonly name: string
  /** Inputs of a family are expensive for one reason: once some of them have failed, the others are not tried. */
  readonly family: string
  /** The smaller of the two sizes that are compared; the other is four times as large. */
  readonly size: number
  /** How many small publishes the larger one may be compared with. @defaultValue 1 */
  readonly worth?: number
  /** How many times the cost may grow from one size to the other. @defaultValue 10, which is linear and much noise */
  readonly growth?: number
  /** Rejects when the hub does not answer in time. */
  run(hub: Target, size: number): Promise<Answer>
}

export const GROWTH = 4
