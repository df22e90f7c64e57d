import { STATUS } from '@tailrace/http'
import { expect } from 'vitest'
import { connectRaw } from '../raw-connection.ts'

/** An answer, byte for byte and as far as it is one. */
export interface RawAnswer {
  readonly text: string
  /** 0 where the connection was closed without a word. */
  readonly status: number
  /** The code of a refusal. */
  readonly code: string | undefined
  /** Which has no body to have a code in. */
  readonly isHead: boolean
  /** Without the framing of chunks. */
  readonly body: string
}

/** Sends a request as it stands, each character a byte, and waits for its answer; of a stream, until it is live. */
export async function ask(port: number, request: string): Promise<RawAnswer> {
  using raw = connectRaw(port)
  raw.send(Buffer.from(request, 'latin1'))
  const isHead = request.startsWith('HEAD ')
  // Closed is an answer as well.
  const all = await raw.until((so) => isWhole(final(so), isHead)).catch(() => raw.text())
  const text = final(all)
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const body = bodyOf(head, rest.join('\r\n\r\n'))
  const [, code] = /^\{"type":"urn:tailrace:problem:([a-z0-9-]+)"/.exec(body) ?? []
  return { text, status: Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1] ?? 0), code, isHead, body }
}

const STATUSES: Readonly<Record<string, number>> = STATUS

/**
 * Sends requests over one connection, each in pieces and when the answer to the one before has arrived. Returns the
 * answers, byte for byte. A refusal is the last one, because the connection may be closed: that depends on whether all of
 * the body had arrived.
 */
export async function askInTurn(port: number, requests: readonly (readonly string[])[]): Promise<string[]> {
  using raw = connectRaw(port)
  const answers: string[] = []
  for (const pieces of requests) {
    const before = raw.text().length
    for (const piece of pieces) {
      raw.send(Buffer.from(piece, 'latin1'))
      await new Promise(setImmediate)
    }
    const isAnswered = (text: string): boolean => isWhole(final(text.slice(before)), false)
    const isOver = await raw.until(isAnswered).then(
      () => false,
      () => true,
    )
    const answer = raw.text().slice(before)
    answers.push(answer)
    if (isOver || !final(answer).startsWith('HTTP/1.1 2')) break
  }
  return answers
}

/** A refusal is one of the protocol, with its status, and none that says that the hub is at fault. */
export function expectDocumented({ text, status, code, isHead }: RawAnswer): void {
  if (status >= 400 && !isHead) expect(status, text).toBe(STATUSES[code ?? ''])
  expect(status, text).toBeLessThan(500)
  expect(status, text).toBeGreaterThanOrEqual(200)
}

/** Without the answer that only says to go on. */
function final(text: string): string {
  return text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')
}

function isWhole(text: string, isHead: boolean): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return false
  const head = text.slice(0, end)
  if (isHead || head.startsWith('HTTP/1.1 204 ')) return true
  const [, length] = /^Content-Length: (\d+)\r?$/im.exec(head) ?? []
  if (length !== undefined) return text.length - end - 4 >= Number(length)
  return text.endsWith('\r\n0\r\n\r\n') || text.includes('event: tailrace.live\n')
}

function bodyOf(head: string, body: string): string {
  if (!/^Transfer-Encoding: chunked\r?$/im.test(head)) return body
  let [whole, rest] = ['', body]
  for (;;) {
    const [line, size] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? []
    const length = Number.parseInt(size ?? '0', 16)
    if (line === undefined || length === 0) return whole
    whole += rest.slice(line.length, line.length + length)
    rest = rest.slice(line.length + length + 2)
  }
}
