import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Server as TlsServer } from 'node:tls'
import type { Http2, PendingConnections } from '@tailrace/http/node'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface TlsOptions {
  readonly http1: Server
  readonly http2: Http2
  /** Connections that have not completed their handshake. */
  readonly pending: PendingConnections
  /** The longest that a handshake may take, in milliseconds. */
  readonly handshakeMs: number
}

/** About what OpenSSL holds for a connection. */
const HANDSHAKE_BYTES = 32 * 1024
/** How often the files are looked at. */
const WATCH_MS = 2_000

/**
 * A TLS server whose connections go on to others, by what the client has chosen (ALPN, RFC 7301). New files
 * count from the next connection on; files that are no pair leave it with those it had.
 *
 * @param tell - takes a line for whoever runs the hub
 * @throws Error of the system, or of OpenSSL, for files that cannot be used
 */
export function createTlsServer(
  files: TlsFiles,
  { http1, http2, pending, handshakeMs }: TlsOptions,
  tell: (line: string) => void,
): TlsServer {
  const read = (): { cert: Buffer; key: Buffer } => ({
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
  })
  const server = createServer({
    ...read(),
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeMs,
  })
  /** Connections whose handshake is under way, by the address of the client. */
  const shaking = new Map<string, Socket>()
  server.on('connection', (socket) => {
    const key = endpointOf(socket)
    shaking.set(key, socket)
    pending.add(socket, HANDSHAKE_BYTES)
    socket.on('close', () => shaking.delete(key))
  })
  // A handshake that fails, or takes too long, is told here and nowhere else: without a listener, its socket stays.
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
  // It keeps its connections, and so its time limits, from when it listens, which it never does by itself.
  server.on('listening', () => http1.emit('listening'))
  server.on('close', () => http1.close())
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
    server.on('close', () => unwatchFile(file, reload))
  }
  return server
}

function endpointOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
