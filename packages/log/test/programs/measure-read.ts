import { readFileSync } from 'node:fs'

import { openSqliteLog } from '@tailrace/log'

// Reads 100 events by some selectors from a log, and prints how many came and how many bytes that took.

const [path, ...selectors] = process.argv.slice(2) as [string, ...string[]]
const log = await openSqliteLog({ path })
const before = bytesRead()
const { events } = await log.read({ selectors, after: 0, limit: 100, maxBytes: 2 ** 20 })
console.log(JSON.stringify({ events: events.length, bytes: bytesRead() - before }))
await log.close()

/** By this process, all threads together, in `read` and `pread`. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1])
}
