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
    pending.add(socket)
    socket.on('close', () => shaking.delete(key))
  })
  // A handshake that fails, or takes too long, is told here and nowhere else: without a listener, its socket stays.
  server.on('tlsClientError', (_error, socket) => void socket.destroy())
  server.on('secureConnection', (socket) => {
    const raw = shaking.get(endpointOf(socket))
    if (raw !== undefined) pending.settle(raw)
    if (socket.alpnProtocol === 'h2') http2.take(socket)
    else http1.emit('connection', socket)
  })
  // It keeps its connections, and so its time limits, from when it listens, which it never does by itself.
  server.on('listening', () => http1.emit('listening'))
  server.on('close', () => http1.close())
  const reload = (): void => {
    try {
      server.setSecureContext(read())
      tell('the certificate was read again')
    } catch (error) {
      tell(`the certificate stays as it was: ${(error as Error).message}`)
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
