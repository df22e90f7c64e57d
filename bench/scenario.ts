import type { Peer, Place } from './peer.ts'

/** What one trial measured, by column key. */
export type Figures = Readonly<Record<string, number>>

export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** Drawn as a plot of its own. */
  readonly isPlotted?: boolean
}

/** How long and how many: the full work of issue 3, or a short form of it that only shows that everything runs. */
export interface Size {
  readonly isQuick: boolean
  /** `full`, or `quick` in a quick run. */
  pick<T>(full: T, quick: T): T
}

export interface Trial {
  readonly peer: Peer
  readonly place: Place
  readonly size: Size
}

/** One question, asked of each peer in the same way, of a server that was started for it. */
export interface Scenario {
  readonly name: string
  readonly title: string
  /** What is done, for the report. */
  describe(size: Size): string
  readonly columns: readonly Column[]
  /** Why the question cannot be put to this peer. */
  excludes?(peer: Peer): string | undefined
  run(trial: Trial): Promise<Figures>
}

/** At most that many processes open streams: with more, they take turns on the machine's cores. */
export const READER_PROCESSES = 2
