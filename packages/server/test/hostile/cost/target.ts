import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'

/** How long a client waits. */
const PATIENCE_MS = 5_000

/** The client lost patience. That is no offence by itself: long work may take long, as long as others are served. */
export class Late extends Error {}

/** A hub as seen by one client. */
export interface Target {
  readonly port: number
  /** The certificate to trust, if the hub uses TLS. */
  readonly ca: string | undefined
  /** The client's address on the loopback interface. */
  readonly address: string
  /** The client's address in `X-Forwarded-For`. */
  readonly forwardedFor: string
  /** A token with every right. */
  readonly token: string
  readonly protocol: 'http1' | 'http2'
}

let clients = 0

/** A new client of the same hub, which has used up no limit yet. */
export function nextClient(hub: Omit<Target, 'address' | 'forwardedFor'>): Target {
  clients += 1
  const host = `${(clients >> 8) & 0xff}.${clients & 0xff || 1}`
  return { ...hub, address: `127.9.${host}`, forwardedFor: `198.18.${host}` }
}

/** Resolves once the connection is ready for HTTP. The client's end stays open even after the hub has closed its own. */
export async function connectTo({ port, ca, address, protocol }: Target): Promise<Socket> {
  const options = { host: '127.0.0.1', port, localAddress: address, noDelay: true, allowHalfOpen: true }
  const alpn = protocol === 'http1' ? 'http/1.1' : 'h2'
  const socket =
    ca === undefined
      ? connectPlain(options)
      : connectSecurely({ socket: connectPlain(options), ca, servername: 'localhost', ALPNProtocols: [alpn] })
  // A reset is an outcome like any other.
  socket.on('error', () => {})
  await inTime('a connection', once(socket, ca === undefined ? 'connect' : 'secureConnect'))
  return socket
}

export async function inTime<T>(what: string, promise: Promise<T>, limitMs = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late(`${what} took more than ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves on the event, or when the connection is closed. */
export function happens(socket: Socket, event: 'data' | 'readable' | 'end'): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve())
    socket.once('close', () => resolve())
  })
}
