import { once } from 'node:events'
import { connect } from 'node:http2'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { collect } from './collected.ts'
import { startProxied } from './proxied.ts'
import type { Proxy } from './proxied.ts'

/** For proxies that end TLS. Registers a test. */
export function testHttp2(proxy: Proxy): void {
  test('a page has its streams and publishes on one HTTP/2 connection', async () => {
    await using at = await startProxied(proxy)
    const session = connect(at.url, { ca: at.certificate.pem })
    // More than the six connections that a browser opens over HTTP/1.1.
    const streams = Array.from({ length: 12 }, () =>
      collect(session.request({ ':path': '/topics/h2', accept: 'text/event-stream' })),
    )
    await Promise.all(streams.map((until) => until('event: tailrace.live\n')))
    const publish = session.request({ ':method': 'POST', ':path': '/topics/h2' })
    publish.end('over one connection')
    const [head] = (await once(publish, 'response')) as [Record<string, unknown>]
    expect(head[':status']).toBe(201)
    expect(await text(publish)).toContain('"id"')
    await Promise.all(streams.map((until) => until('data: over one connection\n')))
    session.destroy()
  })
}
