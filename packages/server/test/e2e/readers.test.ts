import { createRandom, startFlakyProxy, startHub, testSeed } from '@tailrace/testkit'
import type { FlakyProxy, Random } from '@tailrace/testkit'
import { createDecoder } from '@tailrace/wire'
import { expect, test } from 'vitest'
import { WAYS_OF_WRITING } from '../support/ways-of-writing.ts'

const READERS = 50
const TOPICS = 20
/** For each way of writing. */
const EVENTS = 50_000
const BATCH = 250

test.each(WAYS_OF_WRITING)(
  `${READERS} readers, written to %s, that stall, drop and resume at random each see their topics exactly once and in order`,
  { timeout: 240_000 },
  async (_way, args) => {
    const seed = testSeed()
    console.log(`seed ${seed}`)
    const random = createRandom(seed)
    // A window this small makes readers fall out of it all the time.
    await using hub = await startHub({ args: ['--window', '32KiB', ...args] })
    await using proxy = await startFlakyProxy(
      { host: '127.0.0.1', port: hub.port },
      {
        random: () => random.next(),
        split: 0.3,
        delay: 0.2,
        stall: 0.02,
        stallTurns: 200,
        cut: 0.9,
        after: [200, 200_000],
      },
    )
    const readers = Array.from({ length: READERS }, () => startReader(proxy, chooseSelectors(random)))
    await Promise.all(readers.map((reader) => reader.isLive))
    const expected = readers.map((): string[] => [])

    for (let sent = 0; sent < EVENTS; sent += BATCH) {
      const lines = Array.from({ length: BATCH }, (_, i) => ({
        topic: `audit/${random.int(0, TOPICS - 1)}`,
        data: `event ${sent + i} ${'.'.repeat(random.int(0, 200))}`,
      }))
      await publishBatch(hub.url, lines)
      for (const { topic, data } of lines) {
        for (const [i, reader] of readers.entries()) if (reader.selects(topic)) expected[i]!.push(data)
      }
    }
    // The last word of every topic: a reader that has all of them has all that it will get.
    const last = Array.from({ length: TOPICS }, (_, i) => ({ topic: `audit/${i}`, data: 'last', end: false }))
    await publishBatch(hub.url, last)
    for (const { topic } of last) {
      for (const [i, reader] of readers.entries()) if (reader.selects(topic)) expected[i]!.push('last')
    }
    await Promise.all(readers.map((reader, i) => reader.whenReceived(expected[i]!.length)))

    for (const [i, reader] of readers.entries()) {
      expect(reader.received, `reader ${i} (${reader.selectors.join(' ')})`).toEqual(expected[i])
      expect(reader.gaps).toBe(0)
      reader.stop()
    }
    const faults = proxy.faults()
    const connections = readers.reduce((sum, reader) => sum + reader.connections(), 0)
    console.log(`${connections} connections, faults ${JSON.stringify(faults)}`)
    expect(connections).toBeGreaterThan(READERS)
    expect(faults.total).toBeGreaterThan(0)
  },
)

interface Reader {
  readonly selectors: readonly string[]
  readonly received: readonly string[]
  readonly gaps: number
  readonly isLive: Promise<void>
  selects(topic: string): boolean
  connections(): number
  whenReceived(count: number): Promise<void>
  stop(): void
}

/** A reader as small as can be: it resumes with the id of the last whole event, and that is all it knows. */
function startReader(proxy: FlakyProxy, selectors: readonly string[]): Reader {
  const query = selectors.map((selector) => `topic=${encodeURIComponent(selector)}`).join('&')
  const url = `${proxy.url}/events?${query}`
  const received: string[] = []
  const stopped = new AbortController()
  let lastEventId = ''
  let connections = 0
  let gaps = 0
  let onReceived = (): void => undefined
  const { promise: isLive, resolve: onLive } = Promise.withResolvers<void>()

  async function connect(): Promise<void> {
    connections += 1
    const headers = lastEventId === '' ? undefined : { 'Last-Event-ID': lastEventId }
    const decoder = createDecoder(
      {
        onEvent({ type, data }) {
          if (type === 'tailrace.live') onLive()
          else if (type === 'tailrace.gap') gaps += 1
          else received.push(data)
        },
      },
      { lastEventId },
    )
    try {
      const response = await fetch(url, {
        signal: stopped.signal,
        ...(headers === undefined ? {} : { headers }),
      })
      for await (const chunk of response.body!) {
        decoder.push(chunk)
        lastEventId = decoder.lastEventId
        onReceived()
      }
    } catch {
      // Cut, as so often: the next connection goes on from here.
    }
  }

  void (async () => {
    while (!stopped.signal.aborted) await connect()
  })()

  return {
    selectors,
    received,
    isLive,
    get gaps() {
      return gaps
    },
    selects: (topic) => selectors.some((selector) => selector === 'audit/*' || selector === topic),
    connections: () => connections,
    whenReceived: (count) =>
      new Promise((resolve) => {
        onReceived = () => {
          if (received.length >= count) resolve()
        }
        onReceived()
      }),
    stop: () => stopped.abort(),
  }
}

function chooseSelectors(random: Random): string[] {
  if (random.chance(0.1)) return ['audit/*']
  const count = random.int(1, 4)
  return [...new Set(Array.from({ length: count }, () => `audit/${random.int(0, TOPICS - 1)}`))]
}

async function publishBatch(url: string, lines: readonly object[]): Promise<void> {
  const response = await fetch(`${url}/topics`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-ndjson' },
    body: lines.map((line) => JSON.stringify(line)).join('\n'),
  })
  if (response.status !== 201)
    throw new Error(`publish answered ${response.status}: ${await response.text()}`)
  await response.arrayBuffer()
}
