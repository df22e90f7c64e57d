import { LogError } from '@tailrace/log'
import type { ConnectSequencer, Consumer, SequencedRecord, Sequencer } from '@tailrace/log-sequencer'
import { expectRejection, rejection } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'

/** A new, empty sequence under test. */
export interface OpenedSequence {
  readonly connect: ConnectSequencer
  /** Connects through a network that `interrupt` and `freeze` disturb. */
  readonly connectFar: ConnectSequencer
  /** Breaks the connections of `connectFar`, and refuses others until `restore`. */
  interrupt(): void
  /** Drops everything on the connections of `connectFar` without closing them, and on later ones, until `restore`. */
  freeze(): void
  restore(): void
  /** Deletes the sequence, and creates another one in its place. */
  replace(): Promise<void>
  /** Closes what was connected, and removes the sequence. */
  close(): Promise<void>
}

const NEVER = new AbortController().signal

/** The contract of `Sequencer`, for engines that claim it. Call it at the top of a test file. */
export function testSequencer(name: string, open: () => Promise<OpenedSequence>): void {
  function check(behaviour: string, body: (sequence: Subject) => Promise<void>): void {
    // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- both are below
    test(behaviour, async () => {
      const sequence = await open()
      const connected: Sequencer[] = []
      const track =
        (connect: ConnectSequencer) =>
        async (signal: AbortSignal = NEVER): Promise<Sequencer> => {
          const sequencer = await connect(signal)
          connected.push(sequencer)
          return sequencer
        }
      try {
        await body({ ...sequence, connect: track(sequence.connect), connectFar: track(sequence.connectFar) })
      } finally {
        sequence.restore()
        for (const sequencer of connected) await sequencer.close()
        await sequence.close()
      }
    })
  }

  describe(`${name}: sequence`, () => {
    testSequence(check)
  })
  describe(`${name}: connection`, () => {
    testConnection(check)
  })
}

type Connect = (signal?: AbortSignal) => Promise<Sequencer>
type Subject = OpenedSequence & { readonly connect: Connect; readonly connectFar: Connect }
type Check = (behaviour: string, body: (sequence: Subject) => Promise<void>) => void

function testSequence(check: Check): void {
  check('is created once, by whoever connects first', async ({ connect }) => {
    const sequencers = await Promise.all(Array.from({ length: 4 }, () => connect()))
    const descriptions = await Promise.all(sequencers.map((one) => one.describe()))
    expect(new Set(descriptions.map(({ identity }) => identity)).size).toBe(1)
    expect(descriptions[0]).toMatchObject({ oldest: 1, newest: 0 })
  })

  check('has a place for each record, which only grows', async ({ connect }) => {
    const sequencer = await connect()
    const positions: number[] = []
    for (let i = 0; i < 20; i += 1) positions.push(await sequencer.append(text(i)))
    expect(positions).toEqual(ascending(positions))
    const { newest, oldest } = await sequencer.describe()
    expect(newest).toBe(positions.at(-1))
    expect(oldest).toBeLessThanOrEqual(positions[0]!)
  })

  check('keeps the order of appends that run at once', async ({ connect }) => {
    const sequencer = await connect()
    const appended = await Promise.all(Array.from({ length: 300 }, (_, i) => sequencer.append(text(i))))
    expect(appended).toEqual(ascending(appended))
    const received = await consumeAll(sequencer)
    expect(received.map(read)).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`))
    expect(received.map(({ position }) => position)).toEqual(appended)
  })

  check('is the same on all connections, whoever appends', async ({ connect }) => {
    const sequencers = [await connect(), await connect()]
    const collected = await Promise.all(sequencers.map((one) => collect(one, 0)))
    await Promise.all(Array.from({ length: 200 }, (_, i) => sequencers[i % 2]!.append(text(i))))
    const [first, second] = collected
    for (const one of collected) await one.until(() => one.records.length >= 200)
    expect(first!.records).toEqual(second!.records)
    expect(new Set(first!.records.map(read)).size).toBe(200)
    expect(first!.records.map(({ position }) => position)).toEqual(
      ascending(first!.records.map(({ position }) => position)),
    )
  })

  check('describes at once what another connection appended', async ({ connect }) => {
    const [one, other] = [await connect(), await connect()]
    for (let i = 0; i < 10; i += 1) {
      const position = await one.append(text(i))
      expect((await other.describe()).newest).toBe(position)
    }
  })

  check('reports every later record after a position, and none before it', async ({ connect }) => {
    const sequencer = await connect()
    const positions = await Promise.all(Array.from({ length: 10 }, (_, i) => sequencer.append(text(i))))
    const collected = await collect(sequencer, positions[6]!)
    await sequencer.append(text('later'))
    await collected.until(() => collected.records.length >= 4)
    expect(collected.records.map(read)).toEqual(['7', '8', '9', 'later'])
  })

  check('stores the bytes as they are, and the time', async ({ connect }) => {
    const sequencer = await connect()
    const bytes = Uint8Array.from({ length: 1_024 }, (_, i) => i % 256)
    const before = Date.now()
    await sequencer.append(bytes)
    const [record] = await consumeAll(sequencer)
    expect(Buffer.from(record!.bytes).equals(bytes)).toBe(true)
    expect(Math.abs(record!.time - before)).toBeLessThan(60_000)
  })

  check(
    'accepts a record of its largest size, and refuses a larger one with the limit',
    async ({ connect }) => {
      const sequencer = await connect()
      const { maxRecordBytes: limit } = await sequencer.describe()
      await sequencer.append(new Uint8Array(limit).fill(7))
      const error = await expectRejection(sequencer.append(new Uint8Array(limit + 1)), 'too-large')
      expect(error.details).toMatchObject({ limit })
      const position = await sequencer.append(text('small'))
      const received = await consumeAll(sequencer)
      expect(received.map(({ bytes }) => bytes.length)).toEqual([limit, 5])
      expect(received.at(-1)!.position).toBe(position)
    },
  )

  check('waits until a run is processed before it reports the next', async ({ connect }) => {
    const sequencer = await connect()
    const data = new Uint8Array(20_000)
    await Promise.all(Array.from({ length: 200 }, () => sequencer.append(data)))
    let running = 0
    let received = 0
    const done = Promise.withResolvers<void>()
    const consumption = await sequencer.consume(0, {
      async records(records) {
        running += 1
        expect(running).toBe(1)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
        received += records.length
        if (received === 200) done.resolve()
      },
    })
    await done.promise
    await consumption.stop()
  })

  check(
    'reports nothing once consuming is stopped, and everything when it starts again',
    async ({ connect }) => {
      const sequencer = await connect()
      const position = await sequencer.append(text(1))
      const collected = await collect(sequencer, 0)
      await collected.until(() => collected.records.length === 1)
      await collected.stop()
      await sequencer.append(text(2))
      const again = await collect(sequencer, position)
      await again.until(() => again.records.length === 1)
      expect(again.records.map(read)).toEqual(['2'])
      expect(collected.records.map(read)).toEqual(['1'])
    },
  )

  check('forgets at most what it is told to forget', async ({ connect }) => {
    const sequencer = await connect()
    const positions = await Promise.all(Array.from({ length: 10 }, (_, i) => sequencer.append(text(i))))
    await sequencer.trim(positions[5]!)
    const { oldest, newest } = await sequencer.describe()
    expect(oldest).toBeLessThanOrEqual(positions[6]!)
    expect(newest).toBe(positions[9])
    const received = await consumeAll(sequencer)
    expect(received.map(read).slice(-4)).toEqual(['6', '7', '8', '9'])
    expect(received[0]!.position).toBeGreaterThanOrEqual(oldest)
  })

  check('continues where it was when everything has been forgotten', async ({ connect }) => {
    const sequencer = await connect()
    const position = await sequencer.append(text(1))
    await sequencer.trim(position)
    const { oldest, newest } = await sequencer.describe()
    expect(newest).toBe(position)
    expect(oldest).toBeLessThanOrEqual(position + 1)
    const next = await sequencer.append(text(2))
    expect(next).toBeGreaterThan(position)
    const collected = await collect(sequencer, position)
    await collected.until(() => collected.records.length === 1)
    expect(collected.records).toMatchObject([{ position: next }])
  })
}

function testConnection(check: Check): void {
  check('is lost when it breaks, and what it was doing is rejected', async ({ connectFar, interrupt }) => {
    const sequencer = await connectFar()
    await collect(sequencer, 0)
    await sequencer.append(text(1))
    interrupt()
    expect(await sequencer.lost).toMatchObject({ code: 'unreachable' })
    const error = await rejection(sequencer.append(text(2)))
    expect(['unreachable', 'outcome-unknown']).toContain(error.code)
    expect((await rejection(sequencer.describe())).code).toBe('unreachable')
  })

  check('is lost within seconds when nothing arrives any more', async ({ connectFar, freeze }) => {
    const consuming = await connectFar()
    const idle = await connectFar()
    await collect(consuming, 0)
    freeze()
    const started = performance.now()
    const pending = rejection(consuming.append(text(1)))
    for (const one of [consuming, idle]) {
      expect(await one.lost).toMatchObject({ code: 'unreachable' })
      await one.close()
    }
    expect(performance.now() - started).toBeLessThan(20_000)
    expect((await pending).code).toBe('outcome-unknown')
  })

  check(
    'is not made while the engine cannot be reached',
    async ({ connectFar, interrupt, freeze, restore }) => {
      await (await connectFar()).close()
      interrupt()
      await expectRejection(connectFar(), 'unreachable')
      restore()
      freeze()
      await expectRejection(connectFar(), 'unreachable')
      restore()
      expect(await (await connectFar()).describe()).toMatchObject({ newest: 0 })
    },
  )

  check('is given up when it is no longer wanted', async ({ connectFar, freeze }) => {
    freeze()
    const abort = new AbortController()
    const connecting = rejection(connectFar(abort.signal))
    abort.abort()
    expect(LogError.is(await connecting)).toBe(true)
  })

  check(
    'has stored what it acknowledged, nothing that was unreachable, and nothing twice',
    async (sequence) => {
      const { connect, connectFar, interrupt, restore } = sequence
      const other = await connect()
      const before = await collect(other, 0)
      const outcomes = new Map<string, string>()
      for (let round = 0; round < 3; round += 1) {
        const sequencer = await connectFar()
        await Promise.all(
          Array.from({ length: 60 }, async (_, i) => {
            const name = `${round}.${i}`
            const appending = sequencer.append(text(name))
            if (i === 30) interrupt()
            outcomes.set(name, await appending.then(String, (error: LogError) => error.code))
          }),
        )
        await sequencer.lost
        await sequencer.close()
        restore()
      }
      const end = await other.append(text('end'))
      await before.until(() => before.records.at(-1)?.position === end)
      const stored = new Map(before.records.map((record) => [read(record), `${record.position}`]))
      expect(stored.size).toBe(before.records.length)
      for (const [name, outcome] of outcomes) {
        if (outcome === 'outcome-unknown') continue
        expect([name, stored.get(name) ?? 'unreachable']).toEqual([name, outcome])
      }
    },
  )

  check('continues after the last record, once and in order', async (sequence) => {
    const { connect, connectFar, interrupt, restore } = sequence
    const other = await connect()
    const received: SequencedRecord[] = []
    for (let round = 0; round < 3; round += 1) {
      const sequencer = await connectFar()
      const collected = await collect(sequencer, received.at(-1)?.position ?? 0)
      for (let i = 0; i < 20; i += 1) await other.append(text(`${round} ${i}`))
      await collected.until(() => collected.records.length > 0)
      interrupt()
      await sequencer.lost
      await sequencer.close()
      received.push(...collected.records)
      restore()
    }
    const last = await collect(await connectFar(), received.at(-1)!.position)
    const end = await other.append(text('end'))
    await last.until(() => last.records.at(-1)?.position === end)
    expect([...received, ...last.records]).toEqual(await consumeAll(other))
  })

  check('has another identity when the sequence was replaced', async ({ connect, replace }) => {
    const sequencer = await connect()
    await sequencer.append(text(1))
    const { identity } = await sequencer.describe()
    await sequencer.close()
    await replace()
    const again = await connect()
    expect((await again.describe()).identity).not.toBe(identity)
    expect((await again.describe()).newest).toBe(0)
  })

  check('rejects everything once it is closed, and is lost then', async ({ connect }) => {
    const sequencer = await connect()
    await collect(sequencer, 0)
    await Promise.all([sequencer.close(), sequencer.close()])
    expect(LogError.is(await sequencer.lost)).toBe(true)
    for (const call of [sequencer.append(text(1)), sequencer.describe(), sequencer.trim(1)]) {
      expect(LogError.is(await rejection(call))).toBe(true)
    }
  })
}

interface Collected {
  readonly records: SequencedRecord[]
  until(isEnough: () => boolean): Promise<void>
  stop(): Promise<void>
}

async function collect(sequencer: Sequencer, after: number): Promise<Collected> {
  const records: SequencedRecord[] = []
  let look = (): void => {}
  const consumer: Consumer = {
    async records(run) {
      expect(run.length).toBeGreaterThan(0)
      records.push(...run)
      look()
    },
  }
  const consumption = await sequencer.consume(after, consumer)
  return {
    records,
    stop: () => consumption.stop(),
    until: (isEnough) =>
      new Promise((resolve) => {
        look = () => {
          if (isEnough()) resolve()
        }
        look()
      }),
  }
}

/** Everything that is retained now. */
async function consumeAll(sequencer: Sequencer): Promise<SequencedRecord[]> {
  const { newest } = await sequencer.describe()
  const collected = await collect(sequencer, 0)
  await collected.until(() => (collected.records.at(-1)?.position ?? 0) >= newest)
  await collected.stop()
  return collected.records
}

const text = (value: unknown): Uint8Array => new TextEncoder().encode(String(value))
const read = ({ bytes }: SequencedRecord): string => new TextDecoder().decode(bytes)
const ascending = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)
