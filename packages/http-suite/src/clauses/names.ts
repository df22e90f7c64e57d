import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'
import { topicPath } from '../subject.ts'

export function testNames(check: Check): void {
  check('1.2', 'a pattern selects one segment with *, and any number with a final **', async (site) => {
    const base = site.topic()
    const one = await site.follow(`${base}/*`)
    const any = await site.follow(`${base}/**`)
    for (const topic of [base, `${base}/a`, `${base}/a/b`]) await site.publish(topic, topic)
    await site.publish(`${base}/z`, 'last')
    expect(await any.received(4)).toEqual([base, `${base}/a`, `${base}/a/b`, 'last'])
    expect(await one.received(2)).toEqual([`${base}/a`, 'last'])
    for (const reader of [one, any]) reader.close()
  })

  check('1.3', 'a topic may contain any character, percent-encoded', async (site) => {
    const topic = `${site.topic()}/a b?é✓&#+%2F`
    const reader = await site.follow(topic)
    const [id] = await site.publish(topic, 'x')
    await reader.received(1)
    expect(reader.events).toMatchObject([{ data: 'x', id }])
    reader.close()
  })

  check.with('protocol', '1.3', 'a percent-encoded / in a path is refused', async (site) => {
    expectProblem(await site.ask('/topics/a%2Fb'), 400, 'invalid-path')
    expectProblem(await site.ask('/topics/a%zz'), 400, 'invalid-path')
  })

  check.with('publish', '1.1', 'topics that break the rules are refused', async (site) => {
    for (const bad of ['a//b', 'a/\u0000', 'a/\u0085', 'a/*', 'x'.repeat(257)]) {
      const answer = await site.ask(site.paths.publish(bad), { method: 'POST', body: 'x' })
      expectProblem(answer, 400, 'invalid-topic')
    }
  })

  check.with('protocol', '1.2', 'patterns that break the rules are refused', async (site) => {
    for (const bad of ['a**', '**/a', '*/*/*/*/*', '']) {
      const answer = await site.ask(`/events?topic=${encodeURIComponent(bad)}`)
      expectProblem(answer, 400, 'invalid-selector')
    }
    expectProblem(await site.ask(topicPath('a/*')), 400, 'invalid-topic')
  })

  check('1.4', 'cursors are at most 64 ASCII characters', async (site) => {
    const reader = await site.follow(site.topic())
    expect((await reader.control('tailrace.live')).id).toMatch(/^[!-~]{1,64}$/)
    reader.close()
  })

  check.with('publish', '1.5', 'reserved and malformed types and keys are refused', async (site) => {
    const topic = site.topic()
    const publish = (headers: Record<string, string>) =>
      site.ask(site.paths.publish(topic), { method: 'POST', headers, body: 'x' })
    expectProblem(await publish({ 'event-type': 'tailrace.live' }), 400, 'reserved-type')
    expectProblem(await publish({ 'event-type': 'x'.repeat(257) }), 400, 'invalid-type')
    expectProblem(await publish({ 'event-key': 'x'.repeat(257) }), 400, 'invalid-key')
    expect(await site.stored(topic)).toEqual([])
  })
}
