import { LogError, openSqliteLog } from '@tailrace/log'

// Asks for a page that the reader's thread has no heap for, and prints what became of everything then.

const log = await openSqliteLog({ path: process.argv[2]! })
const failures: string[] = []
await log.tail({ events: () => {}, purged: () => {}, failed: ({ code }) => failures.push(code) })
for (let i = 0; i < 250; i += 1) await log.append([{ topic: 'a', data: 'x'.repeat(2 ** 20) }])

const everything = { selectors: ['a'], after: 0, limit: 1000, maxBytes: 2 ** 40 }
const read = await codeOf(log.read(everything))
const append = await codeOf(log.append([{ topic: 'a', data: '' }]))
const ready = await codeOf(log.ready())
await log.close()
console.log(JSON.stringify({ read, append, ready, failures }))

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return LogError.is(error) ? error.code : String(error)
}
