// What it costs to encode and to decode a run of events, in the ways that Node offers and in our own.
// Run: node --conditions=@tailrace/source packages/log-ipc/bench/encodings.ts
import { deserialize, serialize } from 'node:v8'
import type { StoredEvent } from '@tailrace/log'

import { Decoder } from '../src/protocol/decoder.ts'
import { Encoder } from '../src/protocol/encoder.ts'
import { decodeStored, encodeStored } from '../src/protocol/events.ts'

const LENGTHS = [1, 64]
const SIZES = [100, 1_000, 10_000]
const CHARACTERS_A_ROUND = 1_000_000
const ROUNDS = 60

interface Encoding {
  readonly name: string
  encode(events: readonly StoredEvent[]): Buffer
  decode(bytes: Buffer): unknown
}

const encoder = new Encoder()
const ENCODINGS: readonly Encoding[] = [
  { name: 'v8.serialize', encode: serialize, decode: deserialize },
  {
    name: 'JSON',
    encode: (events) => Buffer.from(JSON.stringify(events)),
    decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
  },
  {
    name: 'ours',
    encode(events) {
      encodeStored(encoder, events)
      return encoder.finish(0)
    },
    decode: (bytes) => decodeStored(new Decoder(bytes.subarray(4))),
  },
]

/** JSON with many short members. */
function dataOf(size: number): string {
  return JSON.stringify(Array.from({ length: size / 20 }, (_, i) => ({ item: i, name: 'x' }))).slice(0, size)
}

function runOf(length: number, size: number): StoredEvent[] {
  return Array.from({ length }, (_, i) => ({
    offset: 100_000 + i,
    topic: `users/${i}/orders`,
    type: undefined,
    key: undefined,
    data: dataOf(size),
    time: 1_700_000_000_000,
    remove: false,
    end: false,
    trace: undefined,
  }))
}

/** @returns microseconds for each event, in the best of many rounds: others use the machine too */
function measure(task: () => unknown, length: number, size: number): number {
  const times = Math.ceil(CHARACTERS_A_ROUND / length / (size + 1_000))
  let best = Infinity
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now()
    for (let i = 0; i < times; i += 1) task()
    best = Math.min(best, performance.now() - began)
  }
  return (best * 1_000) / times / length
}

for (const size of SIZES) {
  for (const length of LENGTHS) {
    const events = runOf(length, size)
    for (const { name, encode, decode } of ENCODINGS) {
      const bytes = encode(events)
      const [encoding, decoding] = [() => encode(events), () => decode(bytes)].map((task) =>
        measure(task, length, size).toFixed(2),
      )
      console.log(`${size} B, runs of ${length}: ${name} encode ${encoding} µs, decode ${decoding} µs`)
    }
  }
}
