import { createHub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { StoredEvent } from '@tailrace/log'
import { describe, expect, test } from 'vitest'
import { Backlog } from '../src/backlog.ts'
import { open } from './opening.ts'

const MIB = 1024 * 1024

function eventAt(offset: number, data = ''): StoredEvent {
  return {
    offset,
    topic: 't',
    data,
    type: undefined,
    key: undefined,
    time: 0,
    end: false,
    remove: false,
    trace: undefined,
  }
}

function run(from: number, count: number, data?: string): StoredEvent[] {
  return Array.from({ length: count }, (_, i) => eventAt(from + i, data))
}

/** A backlog whose every event costs a millisecond, and what became of what it was given, in order. */
function slow() {
  const story: (number | string)[] = []
  let turns = 0
  const backlog = new Backlog({
    event({ offset }) {
      const until = performance.now() + 1
      while (performance.now() < until);
      story.push(offset)
    },
    turn() {
      turns += 1
    },
    purged: (topic) => void story.push(`purged ${topic}`),
    lost: (through) => void story.push(`lost ${through}`),
    overflow: (events) => void story.push(`skipped ${events[0]!.offset} to ${events.at(-1)!.offset}`),
  })
  return { backlog, story, turns: () => turns }
}

describe('what the tail reports', () => {
  test('is delivered at once when it comes singly', () => {
    const { backlog, story } = slow()
    backlog.add(run(1, 1))
    backlog.purge('t')
    backlog.add(run(2, 3))
    backlog.lose(5)
    expect(story).toEqual([1, 'purged t', 2, 3, 4, 'lost 5'])
  })

  test('is delivered in slices when it takes long, in order, with turns of others between', async () => {
    const { backlog, story, turns } = slow()
    backlog.add(run(1, 100))
    const first = story.length
    expect(first).toBeLessThan(100)
    backlog.purge('t')
    backlog.lose(200)
    backlog.add(run(201, 2))
    expect(story).toHaveLength(first)
    let others = 0
    while (story.length < 104) {
      await new Promise(setImmediate)
      others += 1
    }
    expect(story).toEqual([...run(1, 100).map(({ offset }) => offset), 'purged t', 'lost 200', 201, 202])
    expect(others).toBeGreaterThan(2)
    expect(turns()).toBeGreaterThan(2)
  })

  test('is skipped when too much waits; what comes later is delivered', async () => {
    const { backlog, story } = slow()
    backlog.add(run(1, 100))
    const delivered = story.length
    const large = 'x'.repeat(MIB)
    for (let i = 0; i < 64; i += 1) backlog.add(run(101 + i, 1, large))
    expect(story.at(-1)).toMatch(new RegExp(`^skipped ${delivered + 1} to `))
    expect(story.slice(0, -1)).toEqual(run(1, delivered).map(({ offset }) => offset))
    const skippedTo = Number(/to ([0-9]+)$/.exec(String(story.at(-1)))![1])
    const later = [...run(skippedTo + 1, 164 - skippedTo), eventAt(165)].map(({ offset }) => offset)
    backlog.add(run(165, 1))
    await expect.poll(() => story.slice(delivered + 1)).toEqual(later)
  })
})

test('readers get every event of a batch that the hub could not deliver from memory, from the log', async () => {
  const hub = await createHub({
    log: createMemoryLog(),
    heartbeatMs: 0,
    batchMs: 0,
    maxBatchBytes: 256 * MIB,
  })
  const sink = await open(hub, { selectors: ['t/*'] })
  const ending = await open(hub, { selectors: ['t/0'] })
  // Delivering the first batch takes longer than a turn, and the second is more than may wait.
  const small = Array.from({ length: 9_999 }, (_, i) => ({ topic: `t/${i % 10}`, data: '' }))
  const large = Array.from({ length: 70 }, () => ({ topic: 't/1', data: 'x'.repeat(MIB) }))
  const stored = [
    hub.publish(small),
    hub.publish(large),
    hub.publish([{ topic: 't/0', data: 'last', end: true }]),
  ]
  const ids = (await Promise.all(stored)).flat().map(({ id }) => id)
  await sink.until(() => sink.lastEventId() === ids.at(-1))
  await ending.until(() => ending.outcome === 'ended')
  const received = sink.events().filter(({ type }) => type === 'message')
  expect(received.map(({ lastEventId }) => lastEventId)).toEqual(ids)
  await hub.close()
})
