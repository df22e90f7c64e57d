import type { Host } from '@tailrace/testkit'
import type { EngineName } from './example.ts'
import type { Job } from './machine.ts'

/** How to run an engine with the files of the example. */
export interface Engine {
  readonly name: EngineName
  readonly title: string
  /** Its name and version. */
  version(): string
  /** Bytes that its data needs in the beginning, and for a drill. */
  readonly diskBytes: number
  /** Prepares a folder for its data on a host. */
  prepare(host: Host, folder: string): Promise<Job>
}
