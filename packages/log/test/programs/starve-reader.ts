import { LogError, openSqliteLog } from '@tailrace/log'

// Asks for a page that the reader's thread has no heap for, and prints what became of everything then.

const log = await openSqliteLog({ path: process.argv[2]! })
const failures: string[] = []
const interruptions: string[] = []
const told: string[] = []
await log.tail({
  events: (events) => told.push(...events.map(({ data }) => data.slice(0, 5))),
  purged: () => {},
  lost() {},
  interrupted: ({ code }) => interruptions.push(code),
  resumed: () => interruptions.push('resumed'),
  failed: ({ code }) => failures.push(code),
})
for (let i = 0; i < 250; i += 1) await log.append([{ topic: 'a', data: 'x'.repeat(2 ** 20) }])

const everything = { selectors: ['a'], after: 0, limit: 1000, maxBytes: 2 ** 40 }
const read = await codeOf(log.read(everything))
const ready = await codeOf(log.ready())
const append = await codeOf(log.append([{ topic: 'b', data: 'after' }]))
let attempts = 0
while ((await codeOf(log.ready())) !== 'fine') {
  attempts += 1
  await new Promise((resolve) => setTimeout(resolve, 50))
}
const { events } = await log.read({ ...everything, selectors: ['b'] })
await log.close()
const last = told.at(-1)
console.log(
  JSON.stringify({
    read,
    ready,
    append,
    interruptions,
    failures,
    last,
    events: events.length,
    recovered: attempts > 0,
  }),
)

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => 'fine',
    (reason: unknown) => reason,
  )
  return LogError.is(error) ? error.code : String(error)
}
