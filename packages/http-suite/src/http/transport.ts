import type { Readable } from 'node:stream'

export interface Outgoing {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  /** Over a connection that nothing else uses. */
  readonly isAlone?: boolean | undefined
}

/** The head of a response, and its body as it arrives. */
export interface Incoming {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Readable
  /** Whether the body has arrived completely. */
  isComplete(): boolean
  destroy(): void
}

/** A client of one version of HTTP. */
export interface Transport {
  /** Resolves with the head of the response. Rejects if the connection breaks first. */
  send(outgoing: Outgoing): Promise<Incoming>
  close(): void
}

/** Headers as Node represents them: those that were repeated become one. */
export function flatten(
  headers: Readonly<Record<string, string | readonly string[] | number | undefined>>,
): Record<string, string | undefined> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value === undefined ? undefined : String(value),
  ])
  return Object.fromEntries(entries)
}
