import { createServer } from 'node:http'

/** The application behind Pushpin: it answers each GET once, and Pushpin holds the connection from then on. */
const server = createServer((request, response) => {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Grip-Hold': 'stream',
    'Grip-Channel': (request.url ?? '/').slice(1),
  })
  response.end(':\n\n')
})
// A connection that Pushpin keeps for the next request must not be gone by then.
server.keepAliveTimeout = 0
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
