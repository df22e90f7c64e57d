import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'

export function testRemoval(check: Check): void {
  check('2.8', 'a removal is delivered like any event, and says that it is one', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic)
    await site.publishAll([
      { topic, data: 'x', key: 'k' },
      { topic, data: 'why', key: 'k', remove: true },
    ])
    await reader.received(2)
    expect(reader.events).toMatchObject([
      { key: 'k', data: 'x' },
      { key: 'k', data: 'why', remove: 'true' },
    ])
    expect(reader.events[0]).not.toHaveProperty('remove')
    reader.close()
  })

  check('2.8', 'a snapshot does not contain a key that was removed, until it is set again', async (site) => {
    const topic = site.topic()
    await site.publishAll([
      { topic, data: 'a', key: 'kept' },
      { topic, data: 'b', key: 'removed' },
      { topic, data: '', key: 'removed', remove: true },
    ])
    expect((await site.replay(topic, 'snapshot=true')).data).toEqual(['a'])
    await site.publishAll([{ topic, data: 'c', key: 'removed' }])
    const { data } = await site.replay(topic, 'snapshot=true')
    expect(new Set(data)).toEqual(new Set(['a', 'c']))
    expect(data).toHaveLength(2)
  })

  check.with('publish', '2.8', 'a removal needs a key', async (site) => {
    const path = site.paths.publish(site.topic())
    const answer = await site.ask(path, { method: 'POST', headers: { 'event-remove': 'true' }, body: '' })
    expectProblem(answer, 400, 'missing-key')
  })
}
