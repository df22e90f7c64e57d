import { expect } from 'vitest'

import { recordTail } from './listener.ts'
import { dataOf, publish, readAll } from './reading.ts'
import { expectRejection } from './rejection.ts'
import { START_TIME, type Check } from './subject.ts'

export function testNodes(check: Check): void {
  check('tells every node of everything that any of them publishes, in one order', async ({ log, join }) => {
    const nodes = [log, await join()]
    const recorded = await Promise.all(nodes.map(recordTail))
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        nodes[i % 2]!.append(['x', 'y', 'z'].map((data) => ({ topic: `t/${i % 5}`, data: `${i}${data}` }))),
      ),
    )
    const events = await readAll(log, ['**'])
    expect(events).toHaveLength(180)
    expect(
      dataOf(events)
        .map((data) => data.at(-1))
        .join(''),
    ).toBe('xyz'.repeat(60))
    for (const node of recorded) {
      await node.until(() => node.events.length >= events.length)
      expect(node.events).toEqual(events)
    }
    expect(await readAll(nodes[1]!, ['**'])).toEqual(events)
  })

  check('reads on one node what was written on the other, at once', async ({ log, join }) => {
    const other = await join()
    for (let i = 0; i < 20; i += 1) {
      const offset = await publish(log, 'a', `${i}`)
      expect(dataOf(await readAll(other, ['a'], { after: offset - 1 }))).toEqual([`${i}`])
    }
  })

  check('holds on every node to what the other has ended, repeated and purged', async ({ log, join }) => {
    const other = await join()
    const recorded = await recordTail(other)
    const offset = await publish(log, 'a', '', { end: true, idempotencyKey: 'once' })
    await expectRejection(publish(other, 'a', ''), 'topic-ended')
    expect(await other.append([{ topic: 'a', data: '', idempotencyKey: 'once' }])).toEqual([
      { offset, duplicate: true },
    ])
    await log.purge('a')
    await recorded.until(() => recorded.purges.length > 0)
    expect(recorded.purges[0]!.topic).toBe('a')
    expect(await readAll(other, ['a'])).toEqual([])
  })

  check(
    'says to one node alone that it was the first to note a key, and shows the note on every one',
    async ({ log, join }) => {
      const nodes = [log, await join()]
      const note = { key: 'a', until: START_TIME + 60_000 }
      const first = await Promise.all(Array.from({ length: 10 }, (_, i) => nodes[i % 2]!.note(note)))
      expect(first.filter(Boolean)).toHaveLength(1)
      for (const node of nodes) expect(await node.notes({ prefix: '', after: '', limit: 9 })).toEqual([note])
    },
  )

  check('stores concurrent repeats on different nodes once', async ({ log, join }) => {
    const nodes = [log, await join()]
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        nodes[i % 2]!.append([{ topic: 'a', data: '', idempotencyKey: `${i % 3}` }]),
      ),
    )
    expect(answers.filter(([answer]) => !answer!.duplicate)).toHaveLength(3)
    expect(await readAll(log, ['a'])).toHaveLength(3)
  })
}
