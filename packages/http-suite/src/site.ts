import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { createHttp1 } from './http/http1.ts'
import { createHttp2 } from './http/http2.ts'
import { RawConnection } from './http/raw.ts'
import type { Incoming, Transport } from './http/transport.ts'
import { inTime, PATIENCE_MS, RETRY_MS } from './patience.ts'
import { StreamReader } from './reader.ts'
import { PROTOCOL_PATHS, type HttpPaths, type HttpSubject, type SuiteEvent } from './subject.ts'

type Headers = Readonly<Record<string, string>>

/** A complete response. */
export interface Answer {
  readonly status: number
  readonly headers: Incoming['headers']
  readonly text: string
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Headers
  readonly body?: string | Uint8Array
}

export interface OpenOptions {
  /** Further parameters, such as `from=start&time=true`. @defaultValue none */
  readonly query?: string
  readonly headers?: Headers
  /** Over a connection that nothing else uses. @defaultValue false */
  readonly isAlone?: boolean
}

/** An event of history (4.1). */
export interface HistoryEvent {
  readonly id: string
  readonly topic: string
  readonly type?: string
  readonly key?: string
  readonly remove?: boolean
  readonly time: string
  readonly data: string
}

export interface HistoryPage {
  readonly events: readonly HistoryEvent[]
  readonly next: string
}

const STREAM: Headers = { accept: 'text/event-stream' }
const MAX_SHOWN = 200
let topics = 0

/** What tests do with a subject. */
export class Site {
  readonly subject: HttpSubject
  readonly paths: HttpPaths
  readonly #origin: string
  readonly #prefix: string
  readonly #transport: Transport
  readonly #publishesByHttp: boolean

  constructor(subject: HttpSubject, publishesByHttp: boolean) {
    const { url, httpVersion = 1, ca, paths } = subject
    this.subject = subject
    this.paths = { ...PROTOCOL_PATHS, ...paths }
    const { origin, pathname } = new URL(url)
    this.#origin = origin
    this.#prefix = pathname.replace(/\/$/, '')
    this.#transport = httpVersion === 2 ? createHttp2(origin, ca) : createHttp1(origin, ca)
    this.#publishesByHttp = publishesByHttp
  }

  /** A topic that no other test uses. */
  topic(name = 'topic'): string {
    topics += 1
    return `suite/${name}-${topics}`
  }

  /** Sends a request to a path below the base URL, and resolves with the complete response. */
  async ask(path: string, { method = 'GET', headers, body }: AskOptions = {}): Promise<Answer> {
    const incoming = await this.#send({ method, path, headers, body })
    const { status, headers: head } = incoming
    const missing = (): string =>
      `the end of the response to ${method} ${path.slice(0, MAX_SHOWN)}, which is ${status} ${head['content-type']}`
    try {
      return { status, headers: head, text: await inTime(text(incoming.body), missing) }
    } catch (error) {
      incoming.destroy()
      throw error
    }
  }

  /** Opens a stream of topics or patterns. */
  async open(
    of: string | readonly string[],
    { query = '', headers, isAlone }: OpenOptions = {},
  ): Promise<StreamReader> {
    const path = this.paths.stream([of].flat(), query)
    return new StreamReader(
      await this.#send({ method: 'GET', path, headers: { ...STREAM, ...headers }, isAlone }),
    )
  }

  /** Opens a stream, and resolves once it is live. A hub that is overloaded may turn readers away for a while (6.7). */
  async follow(of: string | readonly string[], options?: OpenOptions): Promise<StreamReader> {
    const giveUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      const reader = await this.open(of, options)
      const isTurnedAway = await reader.isTurnedAway('overloaded')
      if (!isTurnedAway || performance.now() > giveUpAt) return reader.live()
      await pause(RETRY_MS)
    }
  }

  /** Everything that a stream brings until it is live. */
  async replay(of: string | readonly string[], query: string, headers?: Headers): Promise<StreamReader> {
    const reader = await this.follow(of, { query, ...(headers && { headers }) })
    reader.close()
    return reader
  }

  /** The events that a stream of a topic replays from its start. */
  async stored(topic: string): Promise<(string | undefined)[]> {
    return (await this.replay(topic, 'from=start')).data
  }

  /** Sends a request without any library. */
  raw(): RawConnection {
    return new RawConnection(this.#origin, this.subject.ca)
  }

  /** The head of a request of HTTP/1.1. */
  rawHead(method: string, path: string, headers: Headers = {}): string {
    const all = { Host: new URL(this.#origin).host, ...this.subject.headers, ...headers }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    return `${method} ${this.#prefix}${path} HTTP/1.1\r\n${lines.join('')}\r\n`
  }

  /** Publishes data to a topic, as one batch. Resolves with the cursors. */
  async publish(topic: string, ...data: string[]): Promise<readonly string[]> {
    return this.publishAll(data.map((one) => ({ topic, data: one })))
  }

  /** Publishes events of one topic, or of several, which is one batch for each. */
  async publishAll(events: readonly SuiteEvent[]): Promise<readonly string[]> {
    if (!this.#publishesByHttp) return this.subject.publish!(events)
    const ids: string[] = []
    for (const batch of batchesOf(events)) {
      const answer = await this.ask(this.paths.publish(batch[0]!.topic), {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: batch.map((event) => `${JSON.stringify(event)}\n`).join(''),
      })
      if (answer.status !== 201) throw new Error(`a publish was refused: ${answer.status} ${answer.text}`)
      const { events: stored } = JSON.parse(answer.text) as { events: { id: string }[] }
      ids.push(...stored.map(({ id }) => id))
    }
    return ids
  }

  /** One page of history. */
  async page(of: string | readonly string[], query = ''): Promise<HistoryPage> {
    const answer = await this.askHistory(of, query)
    const type = answer.headers['content-type']
    if (answer.status !== 200 || type !== 'application/json')
      throw new Error(`not a page of history: ${answer.status} ${type} ${answer.text}`)
    return JSON.parse(answer.text) as HistoryPage
  }

  askHistory(of: string | readonly string[], query = ''): Promise<Answer> {
    return this.ask(this.paths.history([of].flat(), query), { headers: { accept: 'application/json' } })
  }

  async close(): Promise<void> {
    this.#transport.close()
    await this.subject.close()
  }

  #send(request: {
    readonly method: string
    readonly path: string
    readonly headers?: Headers | undefined
    readonly body?: string | Uint8Array | undefined
    readonly isAlone?: boolean | undefined
  }): Promise<Incoming> {
    const headers = { ...this.subject.headers, ...request.headers }
    const path = `${this.#prefix}${request.path}`
    const response = this.#transport.send({ ...request, path, headers })
    return inTime(response, () => `any response to ${request.method} ${path.slice(0, MAX_SHOWN)}`)
  }
}

/** Runs of events with the same topic. */
function batchesOf(events: readonly SuiteEvent[]): SuiteEvent[][] {
  const batches: SuiteEvent[][] = []
  for (const event of events) {
    const last = batches.at(-1)
    if (last?.[0]?.topic === event.topic) last.push(event)
    else batches.push([event])
  }
  return batches
}

/** A response that is a problem (7.1): its status, its code, and facts. */
export function expectProblem(answer: Answer, status: number, code: string, facts: object = {}): void {
  expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/problem+json' } })
  const body = JSON.parse(answer.text) as Record<string, unknown>
  expect(body).toMatchObject({ status, code, ...facts })
  expect([typeof body['type'], typeof body['title'], typeof body['detail']]).toEqual([
    'string',
    'string',
    'string',
  ])
}
