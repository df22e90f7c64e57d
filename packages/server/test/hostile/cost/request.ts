import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Answer } from './input.ts'
import { connectTo, inTime } from './target.ts'
import type { Target } from './target.ts'

/** A request, independent of the HTTP version. */
export interface Request {
  readonly method?: string
  readonly path: string
  /** Each character of a value is one byte. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: Uint8Array | string
}

const MAX_HEAD_CHARS = 64 * 1024
const TAIL_CHARS = 256

/** Sends a request on a new connection and waits for the whole answer, or for a stream to become live. */
export async function send(hub: Target, request: Request): Promise<Answer> {
  return hub.protocol === 'http1' ? exchange(hub, [toHttp1(hub, request)]) : sendHttp2(hub, request)
}

export function toHttp1(
  { forwardedFor }: Target,
  { method = 'GET', path, headers = [], body }: Request,
): Buffer {
  const isNamed = (wanted: string): boolean => headers.some(([name]) => name.toLowerCase() === wanted)
  const lines = [`${method} ${path} HTTP/1.1`]
  if (!isNamed('host')) lines.push('Host: localhost')
  if (!isNamed('x-forwarded-for')) lines.push(`X-Forwarded-For: ${forwardedFor}`)
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  const content = Buffer.from(body ?? '')
  const isMeasured = method !== 'GET' && !isNamed('content-length') && !isNamed('transfer-encoding')
  if (isMeasured) lines.push(`Content-Length: ${content.length}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content])
}

/** Sends raw bytes and waits for an HTTP/1.1 answer or for the end of the connection. */
export async function exchange(hub: Target, parts: readonly (Uint8Array | string)[]): Promise<Answer> {
  const socket = await connectTo(hub)
  try {
    for (const part of parts) socket.write(part)
    return await inTime('an answer', answerOn(socket))
  } finally {
    socket.destroy()
  }
}

/** Resolves with the first answer after any `100 Continue`. */
export function answerOn(socket: Socket): Promise<Answer> {
  let bytes = 0
  let start = ''
  let tail = ''
  return new Promise((resolve) => {
    const settle = (): void => resolve({ status: Number(/^HTTP\/1\.1 (\d+) /.exec(start)?.[1] ?? 0), bytes })
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (start.length < MAX_HEAD_CHARS)
        start = (start + chunk.toString('latin1')).replace(/^HTTP\/1\.1 100 .*\r\n\r\n/, '')
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - TAIL_CHARS))).slice(-TAIL_CHARS)
      if (isComplete(start, tail, bytes)) settle()
    })
    socket.on('end', settle)
    socket.on('close', settle)
  })
}

function isComplete(start: string, tail: string, bytes: number): boolean {
  const end = start.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /^Content-Length: (\d+)\r?$/im.exec(start.slice(0, end))?.[1]
  if (length !== undefined) return bytes >= end + 4 + Number(length)
  return start.startsWith('HTTP/1.1 204 ') || tail.endsWith('0\r\n\r\n') || tail.includes('event: tailrace.')
}

async function sendHttp2(
  hub: Target,
  { method = 'GET', path, headers = [], body }: Request,
): Promise<Answer> {
  const socket = await connectTo(hub)
  const session = connectHttp2(`https://localhost`, { createConnection: () => socket })
  session.on('error', () => {})
  try {
    const fields: Record<string, string | string[]> = {
      ':method': method,
      ':path': path,
      'x-forwarded-for': hub.forwardedFor,
    }
    for (const [name, value] of headers) fields[name.toLowerCase()] = value
    let stream: ClientHttp2Stream
    try {
      stream = session.request(fields, { endStream: body === undefined })
    } catch {
      // HTTP/2 cannot express this request.
      return { status: 0, bytes: 0 }
    }
    const answer = new Promise<Answer>((resolve) => {
      let [status, bytes, text] = [0, 0, '']
      const settle = (): void => resolve({ status, bytes })
      stream.on('response', (got) => (status = Number(got[':status'])))
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        text = (text + chunk.toString('latin1')).slice(-TAIL_CHARS)
        if (text.includes('event: tailrace.')) settle()
      })
      stream.on('end', settle)
      stream.on('error', settle)
      stream.on('close', settle)
      session.on('close', settle)
      if (body !== undefined) stream.end(body)
    })
    return await inTime('an answer', answer)
  } finally {
    session.destroy()
    socket.destroy()
  }
}
