import { EventSource, publish } from '@tailrace/client'
import { freePort, makeCertificate, needs, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { startHaproxy } from './haproxy.ts'

const isHere = [needs('haproxy'), needs('openssl')].every(Boolean)

const READERS = 2_000
/** Opened at a time: HAProxy and the hub listen with a backlog. */
const CROWD = 100
const HUB_ARGS = ['--drain', '3s']
const PUBLISH_PAUSE_MS = 50
/** The share of all readers that may come back within {@link SLICE_MS}. The drain alone would make it a sixth. */
const MOST_AT_ONCE = 1 / 3
const SLICE_MS = 500

/** An `EventSource` to the letter: it comes back when `retry:` says, and drops no duplicate. */
class Reader {
  readonly #source: EventSource
  readonly faults: string[] = []
  next = 0
  /** When its connection was answered for the first time after {@link watch}. */
  cameBack: number | undefined

  constructor(url: string, opened: () => void) {
    this.#source = new EventSource(url)
    this.#source.addEventListener('open', () => {
      this.cameBack ??= performance.now()
      opened()
    })
    this.#source.addEventListener('message', (event) => {
      const { data } = event as MessageEvent<string>
      if (data !== `${this.next}`) this.faults.push(`${data} instead of ${this.next}`)
      this.next = Number(data) + 1
    })
    this.#source.addEventListener('tailrace.gap', () => this.faults.push('a gap'))
  }

  get isClosed(): boolean {
    return this.#source.readyState === EventSource.CLOSED
  }

  watch(): void {
    this.cameBack = undefined
  }

  close(): void {
    this.#source.close()
  }
}

async function openReaders(url: string): Promise<Reader[]> {
  const readers: Reader[] = []
  while (readers.length < READERS) {
    const crowd = Array.from({ length: CROWD }, () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      readers.push(new Reader(url, resolve))
      return promise
    })
    await Promise.all(crowd)
  }
  return readers
}

/** The largest share of the readers that came back within one slice of time. */
function mostAtOnce(readers: readonly Reader[]): number {
  const slices = new Map<number, number>()
  for (const { cameBack } of readers) {
    const slice = Math.floor(cameBack! / SLICE_MS)
    slices.set(slice, (slices.get(slice) ?? 0) + 1)
  }
  return Math.max(...slices.values()) / readers.length
}

test.skipIf(!isHere)(
  `a rolling restart of two hubs behind HAProxy: ${READERS} readers lose nothing, get nothing twice, and come back spread out`,
  { timeout: 180_000 },
  async () => {
    await using stack = new AsyncDisposableStack()
    const { path: folder } = stack.use(tempDir())
    const ports = [await freePort(), await freePort()] as const
    const port = await freePort()
    const place = {
      folder,
      certificate: makeCertificate(folder),
      port,
      hubPort: ports[0],
      idleSeconds: undefined,
    }
    // Thousands of handshakes are no part of this.
    stack.use(await startHaproxy(place, ports[1], 'http'))
    const start = async (hubPort: number): Promise<HubProcess> =>
      stack.use(await startHub({ port: hubPort, log: `sqlite:${folder}/log.db`, args: HUB_ARGS }))
    let hub = await start(ports[0])
    const url = `http://127.0.0.1:${port}/topics/t`

    const readers = await openReaders(`${url}?from=start`)
    stack.defer(() => {
      for (const reader of readers) reader.close()
    })
    const stop = new AbortController()
    let acknowledged = 0
    const publishing = (async () => {
      while (!stop.signal.aborted) {
        await publish(url, { data: `${acknowledged}` }, { maxAttempts: 1_000 })
        acknowledged += 1
        await new Promise((resolve) => setTimeout(resolve, PUBLISH_PAUSE_MS))
      }
    })()
    const caughtUp = async (): Promise<void> => {
      const through = acknowledged
      await expect
        .poll(() => readers.filter(({ next }) => next < through).length, { timeout: 60_000 })
        .toBe(0)
    }

    for (const nextPort of [ports[1], ports[0]]) {
      await expect.poll(() => readers.filter(({ next }) => next === 0).length, { timeout: 60_000 }).toBe(0)
      for (const reader of readers) reader.watch()
      const before = acknowledged
      // One log, so one hub at a time: as a service manager does, the next one is started when the log is free.
      expect(await hub.kill('SIGTERM')).toMatchObject({ code: 0 })
      hub = await start(nextPort)
      await expect.poll(() => acknowledged, { timeout: 30_000 }).toBeGreaterThan(before + 20)
      await caughtUp()
      expect(readers.filter(({ cameBack }) => cameBack === undefined)).toEqual([])
      expect(mostAtOnce(readers)).toBeLessThan(MOST_AT_ONCE)
    }
    stop.abort()
    await publishing
    await caughtUp()

    expect(readers.flatMap(({ faults }) => faults)).toEqual([])
    expect(readers.filter(({ isClosed }) => isClosed)).toEqual([])
    const distinct = new Set(readers.map(({ next }) => next))
    expect([...distinct]).toEqual([acknowledged])
  },
)
