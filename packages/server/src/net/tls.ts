import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import { createServer as createListener } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { ArrivalQueue, Http2, PendingConnections } from '@tailrace/http/node'
import { awaitHello } from './hello.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface TlsOptions {
  readonly http1: HttpServer
  readonly http2: Http2
  /** Connections that have not completed their handshake. */
  readonly pending: PendingConnections
  /** Connections that take turns before they are served. */
  readonly arrivals: ArrivalQueue
  /** Keys of session tickets that other processes have as well. @defaultValue random ones */
  readonly ticketKeys?: Buffer | undefined
  /** Time for the first bytes of a handshake, and for all that follow, in milliseconds. */
  readonly handshakeMs: number
}

/** Approximate memory that OpenSSL uses for a connection, in bytes. */
const HANDSHAKE_BYTES = 32 * 1024
/** How often the files are checked, in milliseconds. */
const WATCH_MS = 2_000

/**
 * A TLS server that passes its connections on to other servers, by the protocol that the client has chosen (ALPN, RFC
 * 7301). Handshakes take turns with each other, and with everything else. New files apply from the next connection on.
 * If certificate and key do not match, the previous ones stay in use.
 *
 * @param tell - receives a line for the operator
 * @throws Error of the system or of OpenSSL, if the files cannot be used
 */
export function createTlsServer(
  files: TlsFiles,
  { http1, http2, pending, arrivals, ticketKeys, handshakeMs }: TlsOptions,
  tell: (line: string) => void,
): Server {
  const read = (): { cert: Buffer; key: Buffer; ticketKeys?: Buffer } => ({
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
    ...(ticketKeys === undefined ? {} : { ticketKeys }),
  })
  const server = createServer({
    ...read(),
    // By default, it depends on the arguments of the process, and no other process could resume a session.
    sessionIdContext: 'tailrace',
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeMs,
  })
  /** Connections whose handshake is under way, by the address of the client. */
  const shaking = new Map<string, Socket>()

  function shake(socket: Socket): void {
    const key = endpointOf(socket)
    shaking.set(key, socket)
    socket.on('close', () => shaking.delete(key))
    pending.grow(socket, HANDSHAKE_BYTES)
    if (!socket.destroyed) server.emit('connection', socket)
  }

  const hello = { arrivals, pending, helloMs: handshakeMs }
  const listener = createListener({
    // The default only for servers of `node:http`. Without it, a small frame waits up to 40 ms for an ACK that is delayed.
    noDelay: true,
  })
  listener.on('connection', (socket) => {
    pending.add(socket)
    awaitHello(socket, hello, shake)
  })
  // A handshake that fails or takes too long is reported only here. Without a listener, its socket would stay open.
  server.on('tlsClientError', (_error, socket) => void socket.destroy())
  server.on('secureConnection', (socket) => {
    const key = endpointOf(socket)
    const raw = shaking.get(key)
    if (raw !== undefined) pending.settle(raw)
    shaking.delete(key)
    if (socket.alpnProtocol === 'h2') {
      pending.add(socket, HANDSHAKE_BYTES)
      http2.take(socket)
    } else http1.emit('connection', socket)
  })
  // `http1` enforces its time limits only from when it listens, which it never does itself.
  listener.on('listening', () => http1.emit('listening'))
  listener.on('close', () => http1.close())
  const reload = (): void => {
    try {
      server.setSecureContext(read())
      tell('the certificate was reloaded')
    } catch (error) {
      tell(`the certificate could not be reloaded, and the old one stays in use: ${(error as Error).message}`)
    }
  }
  for (const file of Object.values(files) as string[]) {
    watchFile(file, { interval: WATCH_MS, persistent: false }, reload)
    listener.on('close', () => unwatchFile(file, reload))
  }
  return listener
}

function endpointOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
