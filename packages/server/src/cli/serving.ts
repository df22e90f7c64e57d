import type { Running } from '../start-server.ts'

/** A hub that serves, in one process or in several. */
export interface Serving extends Omit<Running, 'hub'> {
  readonly node: string
}
