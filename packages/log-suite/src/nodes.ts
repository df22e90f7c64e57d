import { expect } from 'vitest'

import { recordTail } from './listener.ts'
import { dataOf, publish, readAll, trimAll } from './reading.ts'
import { expectRejection } from './rejection.ts'
import { START_TIME, type Check } from './subject.ts'

export function testNodes(check: Check): void {
  check('reports everything that any node publishes to every node, in one order', async ({ log, join }) => {
    const nodes = [log, await join()]
    const recorded = await Promise.all(nodes.map(recordTail))
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        nodes[i % 2]!.append(['x', 'y', 'z'].map((data) => ({ topic: `t/${i % 5}`, data: `${i}${data}` }))),
      ),
    )
    await recorded[0]!.until(() => recorded[0]!.events.length >= 180)
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

  check('reads on one node what another wrote, once its own tail has reported it', async ({ log, join }) => {
    const other = await join()
    const recorded = await recordTail(other)
    for (let i = 0; i < 20; i += 1) {
      const offset = await publish(log, 'a', `${i}`)
      await recorded.reach(offset)
      expect(dataOf(await readAll(other, ['a'], { after: offset - 1 }))).toEqual([`${i}`])
    }
  })

  check(
    'describes on one node what another wrote, at once, and reads it from then on',
    async ({ log, join }) => {
      const other = await join()
      for (let i = 0; i < 20; i += 1) {
        const offset = await publish(log, 'a', `${i}`)
        expect((await other.describe()).newest).toBeGreaterThanOrEqual(offset)
        expect(dataOf(await readAll(other, ['a'], { after: offset - 1 }))).toEqual([`${i}`])
      }
    },
  )

  check('has one identity on every node', async ({ log, join }) => {
    const other = await join()
    expect((await other.describe()).epoch).toBe((await log.describe()).epoch)
  })

  check.with('shared', 'has one secret on every node', async ({ log, join }) => {
    expect(await (await join()).shared.secret()).toBe(await log.shared.secret())
  })

  check.with('topics', 'knows on every node what another has ended', async ({ log, join }) => {
    const other = await join()
    const recorded = await recordTail(other)
    const offset = await publish(log, 'a', '', { end: true, idempotencyKey: 'once' })
    await expectRejection(publish(other, 'a', ''), 'topic-ended')
    expect(await other.append([{ topic: 'a', data: '', idempotencyKey: 'once' }])).toEqual([
      { offset, duplicate: true },
    ])
    await recorded.reach(offset)
    expect(await other.topics.ended(['a'])).toEqual([offset])
  })

  check.with('retention', 'reports on every node what another has purged', async ({ log, join }) => {
    const other = await join()
    const recorded = await recordTail(other)
    const offset = await publish(log, 'a', '1')
    await log.retention.purge('a')
    const after = await publish(log, 'a', '2')
    await recorded.reach(after)
    expect(recorded.purges).toHaveLength(1)
    expect(recorded.purges[0]!.topic).toBe('a')
    expect(recorded.purges[0]!.through).toBeGreaterThanOrEqual(offset)
    expect(recorded.purges[0]!.through).toBeLessThan(after)
    expect(dataOf(await readAll(other, ['a']))).toEqual(['2'])
  })

  check.with('retention', 'removes each event once when several nodes trim', async ({ log, join }) => {
    const nodes = [log, await join(), await join()]
    const topics = Array.from({ length: 300 }, (_, i) => `t/${i}`)
    for (const data of ['1', '2', '3']) await log.append(topics.map((topic) => ({ topic, data })))
    const rules = [{ selector: '**', maxCount: 1 }]
    const trimmed = await Promise.all(nodes.map((node) => trimAll(node, rules, START_TIME)))
    // A node that found another one at work may have been done before that one was.
    trimmed.push(await trimAll(log, rules, START_TIME))
    expect(trimmed.reduce((sum, { removed }) => sum + removed, 0)).toBe(600)
    // Reads may lag behind what other nodes have removed.
    await expect.poll(() => readAll(log, ['**'])).toHaveLength(300)
  })

  check.with('retention', 'continues retention when the node at work has closed', async ({ log, join }) => {
    const other = await join()
    await log.append(Array.from({ length: 2_000 }, (_, i) => ({ topic: `t/${i % 4}`, data: '' })))
    const rules = [{ selector: '**', maxCount: 0 }]
    await other.retention.trim(rules, START_TIME)
    await other.close()
    await expect
      .poll(async () => {
        await trimAll(log, rules, START_TIME)
        return (await readAll(log, ['**'])).length
      })
      .toBe(0)
  })

  check('continues when another node closes', async ({ log, join }) => {
    const other = await join()
    const [closed, recorded] = [await recordTail(other), await recordTail(log)]
    await recorded.reach(await publish(other, 'a', '1'))
    await other.close()
    await recorded.reach(await publish(log, 'a', '2'))
    expect(dataOf(recorded.events)).toEqual(['1', '2'])
    expect(dataOf(closed.events)).not.toContain('2')
  })

  check.with(
    'shared',
    'tells exactly one node that it was the first to note a key, and shows the note on all nodes',
    async ({ log, join }) => {
      const nodes = [log, await join()]
      const note = { key: 'a', until: START_TIME + 60_000 }
      const first = await Promise.all(Array.from({ length: 10 }, (_, i) => nodes[i % 2]!.shared.note(note)))
      expect(first.filter(Boolean)).toHaveLength(1)
      for (const node of nodes) {
        expect(await node.shared.notes({ prefix: '', after: '', limit: 9 })).toEqual([note])
      }
    },
  )

  check('stores concurrent repeats on different nodes once', async ({ log, join }) => {
    const nodes = [log, await join()]
    const recorded = await recordTail(log)
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        nodes[i % 2]!.append([{ topic: 'a', data: '', idempotencyKey: `${i % 3}` }]),
      ),
    )
    expect(answers.filter(([answer]) => !answer!.duplicate)).toHaveLength(3)
    await recorded.reach(Math.max(...answers.map(([answer]) => answer!.offset)))
    expect(await readAll(log, ['a'])).toHaveLength(3)
  })
}
