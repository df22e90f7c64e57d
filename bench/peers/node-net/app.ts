import { createServer, type Socket } from 'node:net'

const STREAM = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const DONE = 'HTTP/1.1 204 No Content\r\n\r\n'

/** All connections that asked for a stream. There are no topics. */
const readers = new Set<Socket>()

/** Serves the first request of what has arrived. Returns what is left, or undefined if the request is not complete. */
function serve(socket: Socket, text: string): string | undefined {
  const blank = text.indexOf('\r\n\r\n')
  if (blank === -1) return undefined
  if (text.startsWith('GET ')) {
    readers.add(socket)
    socket.write(STREAM)
    return text.slice(blank + 4)
  }
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, blank))?.[1] ?? 0)
  const end = blank + 4 + length
  if (text.length < end) return undefined
  const frame = `data: ${text.slice(blank + 4, end)}\n\n`
  const chunk = Buffer.from(`${frame.length.toString(16)}\r\n${frame}\r\n`, 'latin1')
  for (const reader of readers) reader.write(chunk)
  socket.write(DONE)
  return text.slice(end)
}

const server = createServer({ noDelay: true }, (socket) => {
  let waiting = ''
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    waiting += text
    for (let left = serve(socket, waiting); left !== undefined; left = serve(socket, waiting)) waiting = left
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => readers.delete(socket))
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
