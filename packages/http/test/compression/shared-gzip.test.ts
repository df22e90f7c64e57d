import { gunzipSync } from 'node:zlib'
import { Payload } from '@tailrace/hub'
import type { Sink } from '@tailrace/hub'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Effort } from '../../src/node/gzip/effort.ts'
import { SharedGzip } from '../../src/node/gzip/shared-gzip.ts'

/** A reader that keeps what it receives, as it is and compressed. */
interface Reader {
  receive(payload: Payload): void
  /** Ends the stream, and returns what an independent decoder makes of it. */
  decoded(): Buffer
  readonly plain: Buffer[]
  readonly compressed: Uint8Array[]
}

function laneOf(
  effort: Pick<Effort, 'take'> = new Effort(),
  onHeld: () => void = () => undefined,
): SharedGzip {
  return new SharedGzip(effort, onHeld)
}

function readerOf(lane: SharedGzip): Reader {
  const compressed: Uint8Array[] = []
  const plain: Buffer[] = []
  const sink: Sink = {
    isReady: true,
    attach: () => undefined,
    write: ({ bytes }) => void compressed.push(bytes),
    end: () => undefined,
    destroy: () => undefined,
  }
  const encoded = lane.encode(sink)
  return {
    plain,
    compressed,
    receive(payload) {
      plain.push(Buffer.from(payload.bytes))
      encoded.write(payload)
    },
    decoded() {
      encoded.end()
      return gunzipSync(Buffer.concat(compressed))
    },
  }
}

const shared = (text: string): Payload => new Payload(Buffer.from(text), true)
const own = (text: string): Payload => new Payload(Buffer.from(text))
const order = (id: number): string =>
  `id: 0jq3v8k2mx.${id}\nevent: order.updated\ndata: {"order":${id},"status":"paid","customer":"c-${id * 7919}","total":${id % 97}.5,"currency":"EUR"}\n\n`
const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0)

describe('what readers decode', () => {
  test('is what was written, whenever they arrive, fall behind, are told something, or are evicted', () => {
    const act = fc.record({
      kind: fc.constantFrom('event', 'event', 'event', 'arrive', 'own', 'heartbeat', 'evict', 'behind'),
      who: fc.nat(20),
      length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 66_000 })),
    })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        let told = 0
        // Sometimes it is evicted at once, as when the memory of all lanes is used up.
        const lane: SharedGzip = laneOf(new Effort(), () => void ((told += 1) % 5 === 0 && lane.evict()))
        const readers = [readerOf(lane)]
        const heartbeat = shared(':\n')
        for (const [i, { kind, who, length }] of acts.entries()) {
          const reader = readers[who % readers.length]!
          const event = shared(
            order(i)
              .repeat(Math.ceil(length / 100))
              .slice(0, Math.min(length, 65_536)),
          )
          if (kind === 'event') for (const one of readers) one.receive(event)
          else if (kind === 'behind') reader.receive(event)
          else if (kind === 'own') reader.receive(own(`retry: ${i}\n\n`))
          else if (kind === 'heartbeat') reader.receive(heartbeat)
          else if (kind === 'evict') lane.evict()
          else readers.push(readerOf(lane))
        }
        const isRight = readers.map((one) => one.decoded().equals(Buffer.concat(one.plain)))
        expect(isRight).toEqual(readers.map(() => true))
      }),
      { numRuns: 200 },
    )
  })
})

describe('what readers share', () => {
  test('readers that have received the same share each block', () => {
    const lane = laneOf()
    const readers = Array.from({ length: 50 }, () => readerOf(lane))
    for (const [i, reader] of readers.entries()) reader.receive(own(`retry: ${i}\n\n`))
    for (let id = 0; id < 20; id += 1) {
      const event = shared(order(id))
      for (const reader of readers) reader.receive(event)
    }
    const blocks = readers[0]!.compressed.slice(1)
    for (const { compressed } of readers)
      expect(compressed.slice(1).every((block, i) => block === blocks[i])).toBe(true)
    for (const reader of readers) expect(reader.decoded().equals(Buffer.concat(reader.plain))).toBe(true)
  })

  test('a reader that arrives shares the second block after that', () => {
    const lane = laneOf()
    const early = readerOf(lane)
    for (let id = 0; id < 10; id += 1) early.receive(shared(order(id)))
    const late = readerOf(lane)
    late.receive(own('retry: 1\n\n'))
    const [first, second] = [shared(order(10)), shared(order(11))]
    for (const event of [first, second]) for (const reader of [early, late]) reader.receive(event)
    expect(late.compressed.at(-2)).not.toBe(early.compressed.at(-2))
    expect(late.compressed.at(-1)).toBe(early.compressed.at(-1))
  })

  test('readers that receive two events together are at one with those that receive them one by one', () => {
    const lane = laneOf()
    const [one, two] = [readerOf(lane), readerOf(lane)]
    const events = Array.from({ length: 20 }, (_, id) => shared(order(id)))
    for (const event of events) for (const reader of [one, two]) reader.receive(event)
    const [next, after, last] = [shared(order(20)), shared(order(21)), shared(order(22))]
    one.receive(next)
    two.receive(shared(order(20) + order(21)))
    one.receive(after)
    for (const reader of [one, two]) reader.receive(last)
    expect(two.compressed.at(-1)).toBe(one.compressed.at(-1))
    expect(last.bytes.length / two.compressed.at(-1)!.length).toBeGreaterThan(3)
  })

  test('a block refers to the events before it', () => {
    const lane = laneOf()
    const reader = readerOf(lane)
    for (let id = 0; id < 100; id += 1) reader.receive(shared(order(id)))
    expect(sizeOf(reader.plain) / sizeOf(reader.compressed)).toBeGreaterThan(3)
  })
})

test('what a lane holds is bounded, however much it compressed', () => {
  const lane = laneOf()
  const readers = Array.from({ length: 30 }, () => readerOf(lane))
  for (let id = 0; id < 300; id += 1) readers[id % 30]!.receive(shared(order(id).repeat(1 + (id % 40))))
  expect(lane.heldBytes).toBeLessThan(128 * 1024)
  lane.evict()
  expect(lane.heldBytes).toBe(0)
})

test('a lane counts what it holds as soon as that changes', () => {
  let counted = 0
  const lane: SharedGzip = laneOf(new Effort(), () => void (counted = lane.heldBytes))
  const readers = [readerOf(lane), readerOf(lane)]
  for (let id = 0; id < 20; id += 1) {
    const event = shared(order(id))
    for (const reader of readers.slice(id % 2)) {
      reader.receive(event)
      expect(counted).toBe(lane.heldBytes)
    }
  }
  expect(counted).toBeGreaterThan(100)
})

test('a reader that arrives and is told nothing shares the third block after that', () => {
  const lane = laneOf()
  const early = readerOf(lane)
  for (let id = 0; id < 10; id += 1) early.receive(shared(order(id)))
  const late = readerOf(lane)
  for (let id = 10; id < 13; id += 1) {
    const event = shared(order(id))
    for (const reader of [early, late]) reader.receive(event)
  }
  expect(late.compressed.at(-1)).toBe(early.compressed.at(-1))
})

test('bytes that do not shrink are sent as they are', () => {
  const lane = laneOf()
  const reader = readerOf(lane)
  const noise = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * i * 7919) % 251))
  reader.receive(new Payload(noise, true))
  expect(sizeOf(reader.compressed)).toBeLessThan(noise.length + 20)
})

test('what may be compressed at a time is bounded', () => {
  const effort = new Effort()
  const answers = Array.from({ length: 10_000 }, () => effort.take(64 * 1024))
  expect(answers[0]).toBe(true)
  expect(answers).toContain(false)
})

test('what may not be compressed is stored', () => {
  const reader = readerOf(laneOf({ take: () => false }))
  for (let id = 0; id < 10; id += 1) reader.receive(shared(order(id).repeat(1 + id * 60)))
  expect(sizeOf(reader.compressed)).toBeGreaterThan(sizeOf(reader.plain))
  expect(reader.decoded().equals(Buffer.concat(reader.plain))).toBe(true)
})
