import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { Arrivals } from '../arrivals.ts'

/** A client of HTTP/1.1 that sends and receives bytes, so that a test can say what no library would. */
export class RawConnection {
  readonly #socket: Socket
  readonly #arrivals = new Arrivals()
  #text = ''
  #isOver = false

  constructor(url: string, ca: string | undefined) {
    const { protocol, hostname, port } = new URL(url)
    const to = { host: hostname, port: Number(port) }
    this.#socket =
      protocol === 'https:' ? connectSecurely({ ...to, ca, servername: 'localhost' }) : connect(to)
    this.#socket.setEncoding('latin1')
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (piece: string) => {
      this.#text += piece
      this.#arrivals.changed()
    })
    // A reset is an outcome here, like an end.
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.#isOver = true
      this.#arrivals.changed()
    })
  }

  /** Everything received so far, one character for each byte. */
  get text(): string {
    return this.#text
  }

  send(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Sends until the server has closed the connection. Resolves with false if it accepted this many MiB instead. */
  async isClosedWithin(mebibytes: number): Promise<boolean> {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    for (let i = 0; i < mebibytes; i += 1) {
      const failed = new Promise<boolean>((resolve) => {
        this.#socket.write(piece, (error) => resolve(error instanceof Error))
      })
      if (await Promise.race([failed, this.closed().then(() => true)])) return true
    }
    return false
  }

  /** Resolves once it is so; rejects, with what arrived, if the connection is over first, or silent. */
  async until(isMet: (text: string) => boolean, what = 'the expected bytes'): Promise<string> {
    await this.#arrivals.until(
      () => isMet(this.#text) || (this.#isOver ? 'the connection was closed' : undefined),
      (why) => new Error(`${why} before ${what}; received ${JSON.stringify(this.#text.slice(-2_000))}`),
    )
    return this.#text
  }

  /** Resolves with everything once the server has closed the connection. */
  async closed(): Promise<string> {
    await this.until(() => this.#isOver, 'the connection was closed')
    return this.#text
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/**
 * The content of a response in chunks (RFC 9112, 7.1), as far as complete chunks have arrived.
 *
 * @throws SyntaxError
 */
export function contentOf(response: string): string {
  const start = response.indexOf('\r\n\r\n')
  let rest = start < 0 ? '' : response.slice(start + 4)
  let content = ''
  for (;;) {
    const [head, digits = ''] = /^([0-9a-f]{1,8})\r\n/i.exec(rest) ?? []
    if (head === undefined && !/^[0-9a-f]{0,8}\r?$/i.test(rest))
      throw new SyntaxError(`not a chunk: ${JSON.stringify(rest.slice(0, 80))}`)
    const [from, size] = [head?.length ?? 0, Number.parseInt(digits, 16)]
    if (head === undefined || size === 0 || rest.length < from + size + 2) return content
    if (!rest.startsWith('\r\n', from + size)) throw new SyntaxError('a chunk that does not end with CR LF')
    content += rest.slice(from, from + size)
    rest = rest.slice(from + size + 2)
  }
}
