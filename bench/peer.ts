import type { ServerProcess } from './server-process.ts'

/** Where a peer is started. A scenario that restarts it uses the same folder and port again. */
export interface Place {
  /** An empty folder for the trial, for the data of the peer and the configuration it runs with. */
  readonly dir: string
  readonly port: number
  /** Cores that a peer may use, as far as it has a setting for that. @defaultValue all */
  readonly cores?: number | undefined
  /** Worker processes of a peer that is asked for several. @defaultValue as many as the peer says */
  readonly workers?: number | undefined
  /** With which the peer serves TLS instead of clear text. */
  readonly certificate?: CertificateFiles | undefined
}

/** What a run says about all places. */
export type Settings = Pick<Place, 'cores' | 'workers'>

/** The paths of a certificate and its key, in PEM. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** `tls` is HTTP/1.1 over TLS, and `h2` HTTP/2 over TLS. */
export type Protocol = 'http/1.1' | 'tls' | 'h2'

/** A complete HTTP/1.1 request, and where and how to send it. */
export interface WireRequest {
  readonly port: number
  readonly text: string
  /** With `h2`, the request is sent as what it means in HTTP/2. @defaultValue `http/1.1` */
  readonly protocol?: Protocol
}

export type Stored = 'on disk' | 'in the page cache' | 'in memory' | 'nowhere'

/** What is compared: a row of the tables. */
export interface Compared {
  readonly name: string
  readonly title: string
  /** Where an event is stored when it is acknowledged. Shown next to every figure. */
  readonly stored: Stored
  /** What is guaranteed for an acknowledged event, with the configuration used here. */
  readonly durability: string
  /** The installed version. Throws an `AbsentError` if there is none. */
  version(): Promise<string>
}

/**
 * How readers and publishers address a server, over HTTP.
 *
 * `subscribe` starts at the newest event, or after `lastEventId` if the server can resume. `publish` puts `data` into
 * the request unchanged, since the publisher overwrites the mark in it. Both depend only on the place, so that they
 * can be built before the server runs.
 */
export interface Addressed {
  subscribe(place: Place, topic: string, lastEventId?: string): WireRequest
  publish(place: Place, topic: string, data: string): WireRequest
  /** The id of the published event, from the response. */
  publishedId?(answer: string): string
  /** One request that publishes all of `data`, in order. Only of servers that can do that. */
  publishBatch?(place: Place, topic: string, data: readonly string[]): WireRequest
}

/** A server that can do the work: it streams events to readers, and accepts them from publishers. */
export interface Peer extends Compared, Addressed {
  /** Whether a reader that was away receives what it missed, with its Last-Event-ID, even after a restart. */
  readonly resumes: boolean
  /** False only for the floor: scenarios that need the functions of a hub leave it out. */
  readonly isHub?: false
  /** What it speaks besides HTTP/1.1 in clear text, if the place has a certificate. @defaultValue nothing */
  readonly protocols?: readonly Protocol[]
  /** Resolves once readers and publishers are served. */
  start(place: Place): Promise<ServerProcess>
}

/** The peer is not available on this machine. */
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
