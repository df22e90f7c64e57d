import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { contentOf } from '../http/raw.ts'

export function testHeartbeats(check: Check): void {
  check(
    '3.13',
    'a silent stream receives comments, at the interval that tailrace.live announces',
    async (site) => {
      const topic = site.topic()
      const reader = await site.follow(topic)
      const { data } = await reader.control('tailrace.live')
      const { heartbeatMs } = JSON.parse(data!) as { heartbeatMs: number }
      expect(heartbeatMs).toBeGreaterThan(0)
      await reader.until(
        ({ comments }) => comments >= 2,
        'two heartbeats, which must come every few hundred ms',
      )
      expect(reader.text).toMatch(/\n\n(?::\n){2,}$/)
      await site.publish(topic, 'x')
      expect(await reader.received(1)).toEqual(['x'])
      reader.close()
    },
  )

  check.with('http1', '3.13', 'a comment is a colon and one LF, sent by itself', async (site) => {
    const raw = site.raw()
    raw.send(site.rawHead('GET', site.paths.stream([site.topic()], ''), { Accept: 'text/event-stream' }))
    await raw.until((text) => text.includes('\r\n2\r\n:\n\r\n'), 'a chunk that is one heartbeat')
    expect(contentOf(raw.text)).toMatch(/\n\n(:\n)+$/)
    raw.destroy()
  })
}
