// What a program can write that uses the client of an engine itself: one event at a time from each of CALLERS, over
// CONNECTIONS connections, for SECONDS. Prints a rate as JSON.
//
// write.ts ENGINE URL CONNECTIONS CALLERS SECONDS DATA
import type { Writer } from './writer.ts'

const [engine = '', url = '', connections, callers, seconds, data = ''] = process.argv.slice(2)
const { openWriters } = (await import(`./${engine}.ts`)) as {
  openWriters: (url: string, connections: number) => Promise<Writer[]>
}
const writers = await openWriters(url, Number(connections))
const began = performance.now()
const end = began + Number(seconds) * 1000
let written = 0
await Promise.all(
  Array.from({ length: Number(callers) }, async (_, i) => {
    const writer = writers[i % writers.length]
    while (performance.now() < end) {
      await writer?.write(data)
      written++
    }
  }),
)
const perSecond = (written / (performance.now() - began)) * 1000
process.stdout.write(`${JSON.stringify({ perSecond })}\n`, () => process.exit(0))
