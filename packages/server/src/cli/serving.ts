/** A hub that serves, in one process or in several. */
export interface Serving {
  readonly url: string
  readonly port: number
  readonly node: string
  /** Ends all streams, spread over this many milliseconds. */
  drain(overMs: number): Promise<void>
  stop(): Promise<void>
}
