import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:tls'
import type { Server as TlsServer } from 'node:tls'
import type { Http2 } from './http2.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
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
  { http1, http2, handshakeMs }: { http1: Server; http2: Http2; handshakeMs: number },
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
  server.on('secureConnection', (socket) => {
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
