import type { ServerResponse } from 'node:http'
import { startScripted } from '../scripted-server.ts'
import type { ScriptedServer, SeenRequest } from '../scripted-server.ts'

type Piece = string | Uint8Array

/**
 * One answer. In its headers, `{other}` stands for the case's URL on the other server, and `{origin}` for the
 * origin that asks.
 */
export interface Answer {
  /** 0 cuts the connection instead. @defaultValue 200 */
  readonly status?: number
  /** `Content-Type`; none where empty. @defaultValue `'text/event-stream'` */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Every further piece waits until the client asks for `go`. */
  readonly body?: Piece | readonly Piece[]
  /** Before the body goes an event with the values of these request headers. */
  readonly echo?: readonly string[]
  /** @defaultValue `'stay'` */
  readonly ending?: 'stay' | 'end' | 'cut'
}

/** The answers to one request after the other, by the path below the case's URL. The last one repeats. */
export type Answers = readonly Answer[] | Readonly<Record<string, readonly Answer[]>>

const ANYONE = { 'Access-Control-Allow-Origin': '*' }
const PREFLIGHT = { ...ANYONE, 'Access-Control-Allow-Headers': 'last-event-id' }
const BACK: Answer = { body: 'retry: 1\n\n', ending: 'end' }
const SETTLING: readonly Answer[] = [BACK, BACK, BACK, { body: 'data: done\n\n' }]

/** What the subject of a race runs against. */
export function comesBackAfter(ms: number): Answer[] {
  return [{ body: `retry: ${ms}\n\n`, ending: 'end' }, { body: 'data: done\n\n' }]
}

/** What goes on at one URL. */
interface Play {
  readonly answers: Readonly<Record<string, readonly Answer[]>>
  readonly log: string[]
  readonly counts: Map<string, number>
  readonly waiting: (() => void)[]
  readonly closed: PromiseWithResolvers<void>
}

/** Two servers, of two origins, that answer as cases say. */
export class Stage implements AsyncDisposable {
  readonly #plays: Play[] = []
  readonly #servers: ScriptedServer[] = []

  async open(): Promise<this> {
    while (this.#servers.length < 2) {
      this.#servers.push(await startScripted((response, request) => this.#answer(response, request)))
    }
    return this
  }

  /** Where the pages come from: of the server's origin or not. */
  get origins(): { same: string; other: string } {
    const [same, other] = this.#servers.map(({ url }) => new URL(url).origin)
    return { same: same!, other: other! }
  }

  /** The URL at which these are the answers. */
  play(answers: Answers): string {
    const byPath = Array.isArray(answers) ? { '': answers as readonly Answer[] } : answers
    this.#plays.push({
      answers: { settle: SETTLING, ...(byPath as Play['answers']) },
      log: [],
      counts: new Map(),
      waiting: [],
      closed: Promise.withResolvers(),
    })
    return `${this.origins.same}/${this.#plays.length - 1}/`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]()
  }

  #answer(response: ServerResponse, request: SeenRequest): void {
    const [, id = '', path = ''] = request.path.split('/', 3)
    const play = id === '' ? undefined : this.#plays[Number(id)]
    if (path === 'go') {
      play?.waiting.shift()?.()
      response.writeHead(204, ANYONE).end()
    } else if (path === 'closed') {
      void play?.closed.promise.then(() => response.writeHead(204, ANYONE).end())
    } else if (path === 'log') {
      response.writeHead(200, ANYONE).end(JSON.stringify(play?.log))
    } else {
      if (path !== 'settle') play?.log.push(`${request.method} ${path}`.trimEnd())
      if (request.method === 'OPTIONS') response.writeHead(204, PREFLIGHT).end()
      else this.#perform(play, path, request, response)
    }
  }

  #perform(play: Play | undefined, path: string, { headers }: SeenRequest, response: ServerResponse): void {
    const count = play?.counts.get(path) ?? 0
    const answers = play?.answers[path] ?? []
    const answer = answers[Math.min(count, answers.length - 1)] ?? { status: 404 }
    play?.counts.set(path, count + 1)
    response.on('close', () => play?.closed.resolve())
    const { status = 200, type = 'text/event-stream', body = [], echo, ending = 'stay' } = answer
    if (status === 0) {
      response.destroy()
      return
    }
    if (type !== '') response.setHeader('Content-Type', type)
    const other = `${this.origins.other}/${this.#plays.indexOf(play!)}/`
    for (const [name, value] of Object.entries(answer.headers ?? {})) {
      response.setHeader(name, value.replace('{other}', other).replace('{origin}', headers.origin ?? ''))
    }
    response.writeHead(status).flushHeaders()
    if (echo !== undefined) {
      const values = echo.map((name) => utf8(headers[name]))
      response.write(`data: ${JSON.stringify(values)}\n\n`)
    }
    const left = typeof body === 'string' || body instanceof Uint8Array ? [body] : [...body]
    const next = (): void => {
      const piece = left.shift()
      if (piece !== undefined && piece.length > 0) response.write(piece)
      if (left.length > 0) play?.waiting.push(next)
      else if (ending === 'cut') response.socket?.end()
      else if (ending === 'end' || status !== 200) response.end()
    }
    next()
  }
}

/** Node takes a byte of a header for a character. */
function utf8(header: string | readonly string[] | undefined): string | null {
  return header === undefined ? null : Buffer.from(String(header), 'latin1').toString()
}
