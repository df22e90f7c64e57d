import type { ServerProcess } from './server-process.ts'

/** Where a peer is started: the same folder and port again, when a scenario restarts it. */
export interface Place {
  /** An empty folder of the trial's own, for what the peer stores and for its configuration as run. */
  readonly dir: string
  readonly port: number
}

/** A whole HTTP/1.1 request, and the port that takes it. */
export interface WireRequest {
  readonly port: number
  readonly text: string
}

export type Stored = 'on disk' | 'in memory' | 'nowhere'

/**
 * A server that can do the work: streams events to readers, and takes them from publishers over HTTP.
 *
 * `subscribe` starts at the newest event, or after `lastEventId` where the peer is one that resumes. `publish` puts
 * `data` into the request byte for byte, since the publisher overwrites the mark in it. Both depend on the place alone,
 * so that they can be built before the peer runs.
 */
export interface Peer {
  readonly name: string
  readonly title: string
  /** Where an event is when it is acknowledged: stands beside every figure. */
  readonly stored: Stored
  /** What is promised of an event that was acknowledged, with the configuration that is used here. */
  readonly durability: string
  /** Whether a reader that was away finds, with its Last-Event-ID, what it missed, after a restart as well. */
  readonly resumes: boolean
  /** False for the floor alone: a scenario that asks what only a hub does leaves it out. */
  readonly isHub?: false
  /** The version that is here, or throws an `AbsentError`. */
  version(): Promise<string>
  /** Resolves once readers and publishers are served. */
  start(place: Place): Promise<ServerProcess>
  subscribe(place: Place, topic: string, lastEventId?: string): WireRequest
  publish(place: Place, topic: string, data: string): WireRequest
  /** The id of the event that was published, from the answer to it. */
  publishedId?(answer: string): string
}

/** The peer cannot be had on this machine. */
export class AbsentError extends Error {
  override readonly name = 'AbsentError'
}

/** For `Scenario.excludes`. */
export function hubsOnly({ isHub }: Peer): string | undefined {
  return isHub === false ? 'not a hub' : undefined
}

export function get(port: number, path: string, headers: Record<string, string> = {}): WireRequest {
  return {
    port,
    text: `GET ${path} HTTP/1.1\r\n${fields(port, { Accept: 'text/event-stream', ...headers })}\r\n`,
  }
}

export function post(
  port: number,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): WireRequest {
  const length = String(Buffer.byteLength(body))
  return {
    port,
    text: `POST ${path} HTTP/1.1\r\n${fields(port, { ...headers, 'Content-Length': length })}\r\n${body}`,
  }
}

function fields(port: number, headers: Record<string, string>): string {
  return Object.entries({ Host: `127.0.0.1:${port}`, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}
