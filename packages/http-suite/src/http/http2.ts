import { connect } from 'node:http2'
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
} from 'node:http2'
import { PassThrough, pipeline } from 'node:stream'
import { flatten } from './transport.ts'
import type { Incoming, Transport } from './transport.ts'

/** HTTP/2, with one connection for all requests that do not ask for their own. */
export function createHttp2(origin: string, ca: string | undefined): Transport {
  const sessions = new Set<ClientHttp2Session>()
  let shared: ClientHttp2Session | undefined

  function open(): ClientHttp2Session {
    const session = connect(origin, ca === undefined ? {} : { ca })
    sessions.add(session)
    // Its streams fail with it, and say so.
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
    return session
  }

  return {
    send({ method, path, headers, body, isAlone = false }) {
      if (shared === undefined || shared.closed || shared.destroyed) shared = open()
      const session = isAlone ? open() : shared
      const stream = session.request({ ':method': method, ':path': path, ...headers })
      return new Promise<Incoming>((resolve, reject) => {
        stream.on('response', (head) => resolve(incomingOf(stream, head, isAlone ? session : undefined)))
        stream.on('error', reject)
        stream.on('close', () => reject(new Error(`no response; closed with code ${stream.rstCode}`)))
        stream.end(body)
      })
    },
    close() {
      for (const session of sessions) session.destroy()
    },
  }
}

function incomingOf(
  stream: ClientHttp2Stream,
  head: IncomingHttpHeaders & IncomingHttpStatusHeader,
  own: ClientHttp2Session | undefined,
): Incoming {
  // Read from now on: a stream whose whole response came in one packet is gone before a promise has resolved.
  const body = pipeline(stream, new PassThrough(), () => {})
  let hasEnded = false
  stream.on('end', () => {
    hasEnded = true
  })
  return {
    status: head[':status'] ?? 0,
    headers: flatten(head),
    body,
    isComplete: () => hasEnded && stream.rstCode === 0,
    destroy() {
      stream.destroy()
      own?.destroy()
    },
  }
}
