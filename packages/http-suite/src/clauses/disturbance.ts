import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem, type Site } from '../site.ts'

function publish(site: Site, topic: string, body: string) {
  return site.ask(site.paths.publish(topic), { method: 'POST', body })
}

/** Each of these has a subject of its own. */
export function testDisturbance(check: Check): void {
  check.with(
    'interrupt',
    '6.9',
    'over an interruption of the log, streams stay open and lose nothing',
    async (site) => {
      const topic = site.topic()
      const reader = await site.follow(topic)
      await site.publish(topic, 'before')
      await reader.received(1)
      await site.subject.interrupt!()
      const { comments } = reader
      await reader.until((one) => one.comments > comments)
      await site.subject.restore!()
      await site.publish(topic, 'after')
      expect(await reader.received(2)).toEqual(['before', 'after'])
      reader.close()
    },
  )

  check.with(
    ['interrupt', 'publish'],
    '7.2',
    'publishes are refused meanwhile with 503 and Retry-After',
    async (site) => {
      const topic = site.topic()
      await site.subject.interrupt!()
      const answer = await publish(site, topic, 'during')
      expectProblem(answer, 503, 'unreachable')
      expect(answer.headers['retry-after']).toEqual(expect.stringMatching(/^\d+$/))
      await site.subject.restore!()
      expect((await publish(site, topic, 'after')).status).toBe(201)
      expect(await site.stored(topic)).toEqual(['after'])
    },
  )

  check.with(
    'interrupt',
    '3.15',
    'a reader that cannot be served learns from its stream when to return',
    async (site) => {
      const topic = site.topic()
      await site.subject.interrupt!()
      const reader = await site.open(topic, { query: 'from=start' })
      await reader.end()
      expect(reader.status).toBe(200)
      expect(reader.frames).toEqual([
        { retry: expect.stringMatching(/^\d+$/) as unknown },
        { event: 'tailrace.error', data: '{"code":"log-unavailable"}' },
      ])
      const other = await site.ask(site.paths.stream([topic], 'from=start'), { headers: { accept: '*/*' } })
      expectProblem(other, 503, 'unreachable')
      await site.subject.restore!()
    },
  )

  check.with(['interrupt', 'health'], '6.1', '/readyz says why the hub is not ready', async (site) => {
    await site.subject.interrupt!()
    expectProblem(await site.ask('/readyz'), 503, 'unreachable')
    expect((await site.ask('/healthz')).status).toBe(200)
    await site.subject.restore!()
    expect((await site.ask('/readyz')).status).toBe(200)
  })

  check.with(
    'drain',
    '3.12',
    'a hub that is stopping tells its readers when to return, and why',
    async (site) => {
      const topic = site.topic()
      const reader = await site.follow(topic)
      await site.publish(topic, 'x')
      await reader.received(1)
      await site.subject.drain!()
      await reader.end()
      expect(reader.frames.at(-1)).toEqual({ event: 'tailrace.error', data: '{"code":"draining"}' })
      expect(reader.frames.at(-2)!.retry).toMatch(/^\d+$/)
      expect(reader.isComplete()).toBe(true)
    },
  )
}
