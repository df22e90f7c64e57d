import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'

export function testErrors(check: Check): void {
  check('7.1', 'a refusal is a problem, with its facts', async (site) => {
    const path = site.paths.stream([site.topic()], 'gap=nothing')
    const answer = await site.ask(path, { headers: { accept: 'text/event-stream' } })
    expectProblem(answer, 400, 'invalid-query', { parameter: 'gap', title: 'invalid query' })
  })

  check.with(
    'protocol',
    '7.1',
    'unknown paths and methods are problems, with what is allowed',
    async (site) => {
      expectProblem(await site.ask('/nothing'), 404, 'not-found')
      const answer = await site.ask(site.paths.publish(site.topic()), { method: 'PUT', body: 'x' })
      expectProblem(answer, 405, 'method-not-allowed')
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])
        expect(answer.headers['allow']).toContain(method)
    },
  )

  check.with(['listener', 'http1'], '7.1', 'what is not HTTP/1.1 is refused as a problem', async (site) => {
    for (const bad of [
      'nonsense\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    ]) {
      const raw = site.raw()
      raw.send(bad)
      const text = await raw.closed()
      expect(text).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"malformed-request"/)
    }
  })

  check.with(['listener', 'http1'], '7.1', 'a head that is too large is refused', async (site) => {
    const raw = site.raw()
    raw.send(site.rawHead('GET', '/healthz', { 'X-Large': 'x'.repeat(20_000) }))
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 431 [^]*"code":"head-too-large"/)
  })

  check.with(
    ['publish', 'http1'],
    '7.3',
    'a request that is refused in the middle of its body is not read on',
    async (site) => {
      const raw = site.raw()
      raw.send(site.rawHead('POST', site.paths.publish(site.topic()), { 'Content-Length': '100000000' }))
      raw.send('x'.repeat(100_000))
      const answer = await raw.until((text) => text.includes('}\n'))
      expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*"code":"event-too-large"/)
      expect(answer).toMatch(/\r\nconnection: close\r\n/i)
      // More than the sockets between them hold.
      expect(await raw.isClosedWithin(32)).toBe(true)
      raw.destroy()
    },
  )

  check('7.4', 'bad requests disturb no other connection', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic)
    await Promise.all(Array.from({ length: 10 }, () => site.ask(site.paths.stream([topic], 'gap=nothing'))))
    await site.publish(topic, 'x')
    expect(await reader.received(1)).toEqual(['x'])
    reader.close()
  })

  check.with(
    'http1',
    '7.4',
    'neither do bytes that are not HTTP, nor clients that leave in the middle',
    async (site) => {
      const topic = site.topic()
      const reader = await site.follow(topic)
      for (const bad of ['\x16\x03\x01\x00', 'GET', site.rawHead('GET', site.paths.stream([topic], ''))]) {
        const raw = site.raw()
        raw.send(bad)
        raw.destroy()
      }
      await site.publish(topic, 'x')
      expect(await reader.received(1)).toEqual(['x'])
      reader.close()
    },
  )

  check.with(
    ['listener', 'http1'],
    '7.5',
    'a request with Upgrade is answered like one without it',
    async (site) => {
      const raw = site.raw()
      raw.send(site.rawHead('GET', '/healthz', { Connection: 'Upgrade', Upgrade: 'websocket' }))
      expect(await raw.closed()).toMatch(/^HTTP\/1\.1 200 /)
    },
  )
}
