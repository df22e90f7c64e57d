import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { contentOf } from '../http/raw.ts'

const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
}

export function testHead(check: Check): void {
  check('3.3', 'head, retry and tailrace.live are sent at once, before there is any event', async (site) => {
    const reader = await site.follow(site.topic())
    expect(reader).toMatchObject({ status: 200, headers: HEAD })
    expect(reader.frames).toEqual([
      { retry: expect.stringMatching(/^\d+$/) as unknown },
      {
        event: 'tailrace.live',
        data: expect.stringMatching(/^\{"heartbeatMs":\d+\}$/) as unknown,
        id: expect.any(String) as unknown,
      },
    ])
    reader.close()
  })

  check('3.3', 'retry varies from stream to stream', async (site) => {
    const topic = site.topic()
    const readers = await Promise.all(Array.from({ length: 8 }, () => site.follow(topic)))
    expect(new Set(readers.map(({ frames }) => frames[0]!.retry)).size).toBeGreaterThan(1)
    for (const reader of readers) reader.close()
  })

  check.with(
    'http1',
    '3.3',
    'over HTTP/1.1, the body is in chunks, and nothing is compressed',
    async (site) => {
      const topic = site.topic()
      const raw = site.raw()
      const path = site.paths.stream([topic], '')
      raw.send(site.rawHead('GET', path, { Accept: 'text/event-stream', 'Accept-Encoding': 'gzip, br' }))
      await raw.until((text) => text.includes('tailrace.live'), 'tailrace.live')
      const [id] = await site.publish(topic, 'é')
      const text = await raw.until((all) => contentOf(all).includes(`id: ${id}\n\n`))
      const at = text.indexOf('\r\n\r\n')
      const [status, ...headers] = text.slice(0, at).split('\r\n')
      // The reason is optional (RFC 9112, 4).
      expect(status).toMatch(/^HTTP\/1\.1 200 (?:OK)?$/)
      const names = headers.map((line) => line.toLowerCase())
      expect(names).toContain('transfer-encoding: chunked')
      expect(names.filter((line) => /^content-(encoding|length):/.test(line))).toEqual([])
      const content = Buffer.from(contentOf(text), 'latin1').toString()
      expect(content).toMatch(
        new RegExp(
          `^retry: \\d+\n\nevent: tailrace\\.live\ndata: .+\nid: .+\n\n(?::\n)*data: é\nid: ${id}\n\n(?::\n)*$`,
        ),
      )
      raw.destroy()
    },
  )

  check('3.17', 'HEAD is answered with the head of the stream, and no body', async (site) => {
    const path = site.paths.stream([site.topic()], '')
    const answer = await site.ask(path, { method: 'HEAD', headers: { accept: 'text/event-stream' } })
    expect(answer).toMatchObject({ status: 200, headers: HEAD, text: '' })
  })
}
