import { openReopeningLog, type EventLog, type StoredEvent } from '@tailrace/log'
import { openSequencedLog } from '@tailrace/log-sequencer'
import { createRandom, testSeed } from '@tailrace/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { allOf, useLogs } from './logs.ts'
import { MemorySequence, type MemoryLink } from './memory-sequencer.ts'

const ROUNDS = process.env['TAILRACE_LONG'] === '1' ? 300 : 12

const logs = useLogs()

/** A hub, as far as it follows a log: what it has told its readers. */
class Follower {
  /** Every event that readers know, by the epoch and the offset of its cursor. */
  readonly told = new Map<string, string>()
  readonly link: MemoryLink
  log!: EventLog
  #epoch: string | undefined

  constructor(link: MemoryLink) {
    this.link = link
  }

  async start(index: string): Promise<void> {
    this.log = await openReopeningLog(() => openSequencedLog({ connect: this.link.connect, index }))
    await this.#attach()
  }

  async stop(): Promise<void> {
    this.#epoch = undefined
    await this.log.close()
  }

  async publish(data: string): Promise<void> {
    const epoch = this.#epoch
    const [appended] = await this.log.append([{ topic: 'a', data }])
    if (epoch !== undefined && epoch === this.#epoch) this.told.set(`${epoch}.${appended!.offset}`, data)
  }

  /** Whether it follows the log. If not, it tries to. */
  async isAttached(): Promise<boolean> {
    if (this.#epoch === undefined) await this.#attach()
    return this.#epoch !== undefined
  }

  async #attach(): Promise<void> {
    let isOver = false
    let epoch: string | undefined
    const early: StoredEvent[] = []
    const tell = ({ offset, data }: StoredEvent): unknown => this.told.set(`${epoch}.${offset}`, data)
    try {
      await this.log.tail({
        events: (events) => (epoch === undefined ? early.push(...events) : events.forEach(tell)),
        purged() {},
        lost() {},
        interrupted() {},
        resumed() {},
        failed: () => {
          isOver = true
          this.#epoch = undefined
        },
      })
      const found = await this.log.describe()
      if (isOver) return
      this.#epoch = epoch = found.epoch
      early.forEach(tell)
    } catch {
      // It tries again.
    }
  }
}

test(
  `a cursor of the current epoch names an event that is there, after ${ROUNDS} losses of the engine`,
  async () => {
    const seed = testSeed()
    const random = createRandom(seed)
    const sequence = new MemorySequence({ isLate: true })
    const hubs = Array.from({ length: 3 }, () => new Follower(sequence.link()))
    const indexOf = (hub: Follower): string => logs.path(`${hubs.indexOf(hub)}`)
    for (const hub of hubs) await hub.start(indexOf(hub))
    onTestFinished(async () => {
      for (const hub of hubs) await hub.stop()
    })
    const epochs = new Set<string>()
    for (let round = 0; round < ROUNDS; round += 1) {
      const publishing: Promise<unknown>[] = []
      const publishSome = (count: number): void => {
        for (let i = 0; i < count; i += 1) {
          publishing.push(
            random
              .pick(hubs)
              .publish(`${round} ${publishing.length}`)
              .catch(() => undefined),
          )
        }
      }
      publishSome(random.int(1, 20))
      if (random.int(0, 1) === 0) await Promise.all(publishing)
      const away = hubs.filter(() => random.int(0, 2) === 0)
      for (const hub of away) hub.link.interrupt()
      sequence.rewind(random.int(1, 6))
      publishSome(random.int(0, 20))
      await Promise.all(publishing)
      if (random.int(0, 1) === 0) {
        const hub = random.pick(hubs)
        await hub.stop()
        await hub.start(indexOf(hub))
      }
      for (const hub of away) hub.link.restore()
      for (const hub of hubs) await expect.poll(() => hub.isAttached(), { timeout: 20_000 }).toBe(true)
      // A node that knows what was lost may only now have told the others.
      const found = async (): Promise<string[]> => {
        await Promise.all(hubs.map((hub) => hub.isAttached()))
        const described = await Promise.all(
          hubs.map(({ log }) => log.describe().catch(() => ({ epoch: '' }))),
        )
        return [...new Set(described.map(({ epoch }) => epoch))]
      }
      await expect.poll(found, { timeout: 20_000 }).toEqual([expect.stringMatching(/./)])
      const [epoch] = await found()
      epochs.add(epoch!)
      const stored = (await allOf(hubs[0]!.log as never, 'read')).map(
        ({ offset, data }) => [`${epoch}.${offset}`, data] as const,
      )
      const known = new Map<string, string>(stored)
      for (const { told } of hubs) {
        for (const [cursor, data] of told) {
          if (!cursor.startsWith(`${epoch}.`)) continue
          expect([cursor, known.get(cursor)], `TAILRACE_SEED=${seed}, round ${round}`).toEqual([cursor, data])
        }
      }
    }
    expect(epochs.size).toBeGreaterThan(ROUNDS / 3)
  },
  10_000 * ROUNDS,
)
