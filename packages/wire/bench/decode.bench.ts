/**
 * Decoding against `TextDecoder` (streaming) + `eventsource-parser`, from bytes to events.
 *
 *     node --conditions=@tailrace/source packages/wire/bench/decode.bench.ts [words of a fixture's name]
 *
 * Both sides run in turn, so that a busy machine slows both; each run has a fresh decoder and reads every
 * event's data length. The table shows medians, and the median of the ratios of neighbouring runs.
 * That both give the same events on every fixture is a test (`test/bench-fixtures.test.ts`).
 */
import { createDecoder } from '@tailrace/wire'
import { createParser } from 'eventsource-parser'
import { fixtures } from './fixtures.ts'

const BYTES = 14_000_000
const ROUNDS = 15
const STREAM = { stream: true }

let checksum = 0

function ours(chunks: readonly Uint8Array[]): void {
  const decoder = createDecoder({
    onEvent(event) {
      checksum += event.data.length
    },
  })
  for (const chunk of chunks) decoder.push(chunk)
}

function peer(chunks: readonly Uint8Array[]): void {
  const utf8 = new TextDecoder()
  const parser = createParser({
    onEvent(event) {
      checksum += event.data.length
    },
  })
  for (const chunk of chunks) parser.feed(utf8.decode(chunk, STREAM))
}

function timed(run: (chunks: readonly Uint8Array[]) => void, chunks: readonly Uint8Array[]): number {
  const start = performance.now()
  run(chunks)
  return performance.now() - start
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const words = process.argv.slice(2).join(' ')
const rows = fixtures
  .filter((fixture) => fixture.name.includes(words))
  .map((fixture) => {
    const chunks = fixture.build(BYTES)
    const megabytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0) / 1e6
    const our: number[] = []
    const their: number[] = []
    for (let round = -3; round < ROUNDS; round++) {
      // Who goes first changes, so that neither always meets the garbage of the other.
      const first = round % 2 === 0
      const a = first ? timed(ours, chunks) : 0
      const b = timed(peer, chunks)
      const c = first ? a : timed(ours, chunks)
      if (round < 0) continue
      our.push(c)
      their.push(b)
    }
    return {
      fixture: fixture.name,
      'ours MB/s': Math.round((megabytes / median(our)) * 1000),
      'eventsource-parser MB/s': Math.round((megabytes / median(their)) * 1000),
      ratio: Number(median(our.map((ms, i) => (their[i] ?? 0) / ms)).toFixed(2)),
    }
  })
console.table(rows)
if (checksum === 0) throw new Error('nothing was decoded')
