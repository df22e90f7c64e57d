import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'

/** The longest that a hub may take to answer anything. */
const ANSWER_MS = 5_000

/** A hub, as one client sees it. */
export interface Target {
  readonly port: number
  /** What a client has to trust, where the hub speaks TLS. */
  readonly ca: string | undefined
  /** The client's own address on the loopback interface. */
  readonly address: string
  /** The address that a trusted proxy would name for it. */
  readonly forwardedFor: string
  /** A token with every right. */
  readonly token: string
  readonly protocol: 'http1' | 'http2'
}

let clients = 0

/** Another client of the same hub: limits of the one before do not protect the hub from it. */
export function nextClient(hub: Omit<Target, 'address' | 'forwardedFor'>): Target {
  clients += 1
  const host = `${(clients >> 8) & 0xff}.${clients & 0xff || 1}`
  return { ...hub, address: `127.9.${host}`, forwardedFor: `198.18.${host}` }
}

/** Resolves once the connection is ready for bytes of HTTP. It never closes its end by itself. */
export async function connectTo({ port, ca, address, protocol }: Target): Promise<Socket> {
  const options = { host: '127.0.0.1', port, localAddress: address, noDelay: true, allowHalfOpen: true }
  const alpn = protocol === 'http1' ? 'http/1.1' : 'h2'
  const socket =
    ca === undefined
      ? connectPlain(options)
      : connectSecurely({ socket: connectPlain(options), ca, servername: 'localhost', ALPNProtocols: [alpn] })
  // A reset is an outcome here, like an end.
  socket.on('error', () => {})
  await inTime('a connection', once(socket, ca === undefined ? 'connect' : 'secureConnect'))
  return socket
}

export async function inTime<T>(what: string, promise: Promise<T>, limitMs = ANSWER_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves when it happens, or when the connection is over. */
export function happens(socket: Socket, event: 'data' | 'readable' | 'end'): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve())
    socket.once('close', () => resolve())
  })
}
