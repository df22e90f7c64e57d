import { createServer, type Socket } from 'node:net'

/** What Node's sockets charge: one `write` of one shared buffer to each reader, for each event. */
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const BLANK = '\r\n\r\n'

const readers = new Set<Socket>()

function fanOut(data: string): void {
  const payload = `data: ${data}\n\n`
  const chunk = Buffer.from(`${payload.length.toString(16)}\r\n${payload}\r\n`, 'latin1')
  for (const reader of readers) reader.write(chunk)
}

function accept(socket: Socket): void {
  let request = ''

  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => readers.delete(socket))
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1')
    while (step()) continue
  })

  /** Serves one whole request. @returns false if it is not complete */
  function step(): boolean {
    const end = request.indexOf(BLANK)
    if (end < 0) return false
    if (request.startsWith('GET ')) {
      request = ''
      socket.write(HEAD)
      readers.add(socket)
      return false
    }
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(request)?.[1] ?? 0)
    const next = end + BLANK.length + length
    if (request.length < next) return false
    fanOut(request.slice(end + BLANK.length, next))
    request = request.slice(next)
    socket.write('HTTP/1.1 204 No Content\r\n\r\n')
    return true
  }
}

createServer(accept).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
