import { accessSync, appendFileSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { createAppGate } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import { openSqliteLog } from '@tailrace/log'
import { follow } from 'tailrace'

// The data that survives a restart: the events, and how far the file was read. Remove the folder to start over.
const data = process.env['DATA'] ?? join(import.meta.dirname, 'data')
mkdirSync(data, { recursive: true })

// 1. A hub on a durable log.
const log = await openSqliteLog({ path: join(data, 'events.db') })
const hub = await createHub({ log, retryMs: 1_000 })

// 2. A server for the page at / and, at all other paths, the hub. One origin, so no CORS is needed. Anyone on this machine
// may read the logs and add to them.
const page = readFileSync(join(import.meta.dirname, 'index.html'))
const gate = createAppGate({ authorize: () => ({ publish: ['logs/*'], subscribe: ['logs/*'] }) })
const handle = createHandler(hub, { gate, onError: console.error })
const server = createServer((request, response) => {
  if (request.url !== '/') return handle(request, response)
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
})
const port = Number(process.env['PORT'] ?? 4280)
await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve))
const address = server.address()
if (address === null || typeof address === 'string') throw new Error('the server has no port')
const url = `http://127.0.0.1:${address.port}`

// 3. A publisher: each line of the file becomes an event. `tailrace publish TOPIC --follow FILE` does the same
// from the command line, and from other machines.
const file = process.argv[2] ?? packageLog() ?? growingFile()
const stop = new AbortController()
const following = follow({
  file,
  state: join(data, `${basename(file)}.place`),
  url,
  topic: `logs/${basename(file)}`,
  type: 'line',
  signal: stop.signal,
  notice: (text) => console.error(text),
})
console.log(`Following ${file} at ${url}`)

process.once('SIGINT', () => stop.abort())
process.once('SIGTERM', () => stop.abort())
try {
  await following
} finally {
  server.close()
  await hub.close()
  server.closeAllConnections()
  await log.close()
  process.exit()
}

/** The log of Debian's package manager, on machines that have it. */
function packageLog(): string | undefined {
  const path = '/var/log/dpkg.log'
  try {
    accessSync(path, constants.R_OK)
    return path
  } catch {
    return undefined
  }
}

/** A file that gets a line every second. */
function growingFile(): string {
  const path = join(data, 'growing.log')
  setInterval(() => appendFileSync(path, `${new Date().toISOString()} one more line\n`), 1_000)
  return path
}
