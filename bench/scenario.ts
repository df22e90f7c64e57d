import type { Peer, Place } from './peer.ts'

/** The figures of one trial, by column key. */
export type Figures = Readonly<Record<string, number>>

export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** Drawn as a separate plot. */
  readonly isPlotted?: boolean
}

/** Durations and numbers: the full work of the bench, or a short form that only shows that everything runs. */
export interface Size {
  readonly isQuick: boolean
  /** `full`, or `quick` in a quick run. */
  pick<T>(full: T, quick: T): T
}

export interface Trial<P = Peer> {
  readonly peer: P
  readonly place: Place
  readonly size: Size
}

/** One question, asked of each peer in the same way, of a server that was started for it. */
export interface Scenario<P = Peer> {
  readonly name: string
  readonly title: string
  /** A description of the work, for the report. */
  describe(size: Size): string
  readonly columns: readonly Column[]
  /** Trials that suffice, if the run has more. @defaultValue as many as the run has */
  readonly maxRuns?: number
  /** Why this peer cannot be asked the question. */
  excludes?(peer: P): string | undefined
  run(trial: Trial<P>): Promise<Figures>
}

/** At most this many processes open streams: more would take turns on the cores of the machine. */
export const READER_PROCESSES = 2
