/** An event that the suite publishes. */
export interface SuiteEvent {
  readonly topic: string
  readonly data: string
  readonly type?: string
  readonly key?: string
  /** Removes the key (spec/protocol.md, 2.8). */
  readonly remove?: boolean
  /** Ends the topic (2.1). */
  readonly end?: boolean
}

/** The addresses at which something is served, below the base URL. Each begins with `/`. */
export interface HttpPaths {
  /**
   * Where the topics are streamed (3.1).
   *
   * @param topics - topics or patterns, not encoded
   * @param query - further parameters, such as `from=start&time=true`; may be empty
   */
  stream(topics: readonly string[], query: string): string
  /** Where history of the topics is read (section 4). */
  history(topics: readonly string[], query: string): string
  /** Where events are published to one topic (2.1). */
  publish(topic: string): string
}

/** What the suite tests: something that listens, with a log that is empty, and what a test may do to it. */
export interface HttpSubject {
  /** The base URL, such as `http://127.0.0.1:8080/hub`. */
  readonly url: string
  /** @defaultValue 1, which is HTTP/1.1 */
  readonly httpVersion?: 1 | 2 | undefined
  /** An additional certificate to trust, in PEM, for a URL with `https:`. */
  readonly ca?: string | undefined
  /** Headers of every request, such as `Authorization`. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** @defaultValue those of the protocol: `/topics/<topic>` and `/events?topic=` */
  readonly paths?: Partial<HttpPaths> | undefined
  /** The origin of another site whose pages may publish and read. For `origins` and `cors`. */
  readonly allowedOrigin?: string | undefined
  /**
   * Publishes a batch without HTTP, and resolves with the cursors of its events once they are durable. Required without
   * the ability `publish`.
   */
  publish?(events: readonly SuiteEvent[]): Promise<readonly string[]>
  /** How many streams of exactly this topic are open. For `count`. */
  openStreams?(topic: string): Promise<number>
  /** Disconnects the log from its engine. For `interrupt`. */
  interrupt?(): Promise<void>
  /** Ends the interruption. */
  restore?(): Promise<void>
  /** Begins a drain: streams are ended, and their readers told to return. For `drain`. */
  drain?(): Promise<void>
  /** Closes everything. */
  close(): Promise<void>
}

/** Limits that a test needs to be low. Those that it does not name are high enough for hundreds of streams. */
export interface SuiteLimits {
  /** Streams of one address (spec/protocol.md, 6.2). */
  readonly maxStreamsPerAddress?: number
  /** Events that one address may publish per second (6.2). */
  readonly publishRate?: number
  /** Open connections, of which a few may be reserved (6.7). */
  readonly maxConnections?: number
  /** How long a stream stays open, before it is varied at random (3.12). */
  readonly maxStreamAgeMs?: number
}

/** @param limits - empty, unless the abilities contain `limits` */
export type OpenSubject = (limits: SuiteLimits) => Promise<HttpSubject>

/**
 * What is served besides streams, and what a test can do. A clause that needs an ability is tested only where it is
 * named.
 *
 * - `publish`: `POST` publishes to a topic.
 * - `history`: JSON is served at `paths.history`.
 * - `protocol`: all paths of the protocol, and what it says about other paths, methods, parameters and `Accept`.
 * - `topics`: topics are listed and purged.
 * - `connections`: open streams are listed and ended.
 * - `health`: `/healthz` and `/readyz`.
 * - `origins`: publishes of pages of other sites are refused, except for those of `allowedOrigin`.
 * - `cors`: pages of `allowedOrigin` may read responses.
 * - `http1`: HTTP/1.1, so that the bytes of heads and chunks can be compared.
 * - `listener`: it listens by itself, and reads requests before any framework does.
 * - `limits`: it can be opened with {@link SuiteLimits}.
 * - `count`, `interrupt`, `drain`: the methods of {@link HttpSubject}.
 */
export type HttpAbility =
  | 'publish'
  | 'history'
  | 'protocol'
  | 'topics'
  | 'connections'
  | 'health'
  | 'origins'
  | 'cors'
  | 'http1'
  | 'listener'
  | 'limits'
  | 'count'
  | 'interrupt'
  | 'drain'

/** What a subject must have for its abilities. */
const NEEDS: Partial<Record<HttpAbility, readonly (keyof HttpSubject)[]>> = {
  origins: ['allowedOrigin'],
  cors: ['allowedOrigin'],
  count: ['openStreams'],
  interrupt: ['interrupt', 'restore'],
  drain: ['drain'],
}

/** @throws TypeError if it lacks something that the tests of its abilities use */
export function requireComplete(subject: HttpSubject, abilities: readonly HttpAbility[]): HttpSubject {
  if (!abilities.includes('publish') && subject.publish === undefined)
    throw new TypeError('The subject cannot publish: give it `publish`, or list the ability `publish`.')
  for (const ability of abilities) {
    const missing = NEEDS[ability]?.find((name) => subject[name] === undefined)
    if (missing !== undefined)
      throw new TypeError(`For the ability ${ability}, the subject needs \`${missing}\`.`)
  }
  return subject
}

/** A path of the protocol: each segment of a topic is encoded separately (1.3). */
export function topicPath(topic: string): string {
  return `/topics/${topic.split('/').map(encodeURIComponent).join('/')}`
}

/** Selectors as parameters, and the parameters after them. */
export function topicQuery(topics: readonly string[], query: string): string {
  const parameters = topics.map((topic) => `topic=${encodeURIComponent(topic)}`)
  return [...parameters, ...(query === '' ? [] : [query])].join('&')
}

function readPath(topics: readonly string[], query: string): string {
  const [first = '', ...others] = topics
  if (others.length > 0 || first.includes('*')) return `/events?${topicQuery(topics, query)}`
  return `${topicPath(first)}${query === '' ? '' : `?${query}`}`
}

/** The paths of spec/protocol.md. */
export const PROTOCOL_PATHS: HttpPaths = { stream: readPath, history: readPath, publish: topicPath }
