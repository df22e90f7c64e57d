import type { Compared } from './peer.ts'
import type { Reach } from './reach.ts'
import type { Results } from './results.ts'
import type { Scenario } from './scenario.ts'

/** Questions that are asked together, and the report of the answers. */
export interface Suite<P extends Compared> {
  readonly title: string
  /** The command that runs all of it. */
  readonly command: string
  /** The file of the report, and that of the results from which it is made, in this folder. */
  readonly files: { readonly report: string; readonly results: string }
  /** Before the names of its plots, if another suite asks the same questions. @defaultValue nothing */
  readonly plotPrefix?: string
  /** The packages whose code it measures. */
  readonly measures: readonly string[]
  readonly defaultRuns: number
  /** In the order of the tables. */
  readonly peers: readonly P[]
  /** In the order of the report. */
  readonly scenarios: readonly Scenario<P>[]
  /** The first words of the report after its heading: where things ran. */
  readonly preface: string
  /** What the tables mean. */
  readonly method: string
  isOurs(peer: string): boolean
  reach(results: Results): Reach[]
  /** Further sections of the report, before the method. */
  sections?(results: Results): string[]
  /** Puts the figures of a whole run into the documentation. */
  document?(results: Results): void
}
