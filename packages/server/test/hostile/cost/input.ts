import type { Target } from './target.ts'

/** The answer to an input. */
export interface Answer {
  /** 0 if the connection was closed without an answer, or if the input is not a request. */
  readonly status: number
  readonly bytes: number
}

/** Something a client can do to a hub, at any size. */
export interface Input {
  readonly name: string
  /** Inputs that are expensive for the same reason share a family; after two failures the rest is skipped. */
  readonly family: string
  /** The smaller of the two sizes compared; the larger is four times this. */
  readonly size: number
  /** How many small publishes the larger size is compared with, besides its bytes. @defaultValue 1 */
  readonly worth?: number
  /** By what factor the cost may grow between the two sizes. @defaultValue 10: linear, with a wide margin */
  readonly growth?: number
  /** Rejects with `Late` if the hub does not answer in time. */
  run(hub: Target, size: number): Promise<Answer>
}

export const GROWTH = 4
