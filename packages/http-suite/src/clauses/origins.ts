import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'

const STRANGER = 'https://evil.example'

export function testOrigins(check: Check): void {
  check.with(
    ['origins', 'publish'],
    '5.5',
    'a write that a page of another site caused is refused',
    async (site) => {
      const topic = site.topic()
      const publish = (headers: Record<string, string>) =>
        site.ask(site.paths.publish(topic), { method: 'POST', headers, body: 'x' })
      expectProblem(await publish({ origin: STRANGER }), 403, 'cross-origin')
      expectProblem(await publish({ 'sec-fetch-site': 'cross-site' }), 403, 'cross-origin')
      expect(await site.stored(topic)).toEqual([])
      expect((await publish({ origin: site.subject.allowedOrigin! })).status).toBe(201)
    },
  )

  check.with(
    'cors',
    '5.6',
    'pages of an allowed origin may read a stream, with credentials, and no others',
    async (site) => {
      const origin = site.subject.allowedOrigin!
      const allowed = await site.follow(site.topic(), { headers: { origin } })
      expect(allowed.headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
      })
      expect(allowed.headers['vary']).toEqual(expect.stringMatching(/\borigin\b/i))
      allowed.close()
      const path = site.paths.stream([site.topic()], '')
      const other = await site.ask(path, { method: 'HEAD', headers: { origin: STRANGER } })
      expect(other.headers['access-control-allow-origin']).toBeUndefined()
    },
  )

  check.with(['cors', 'protocol'], '5.6', 'a preflight is answered, for two hours', async (site) => {
    const answer = await site.ask(site.paths.publish(site.topic()), {
      method: 'OPTIONS',
      headers: { origin: site.subject.allowedOrigin!, 'access-control-request-method': 'POST' },
    })
    expect(answer).toMatchObject({ status: 204, headers: { 'access-control-max-age': '7200' } })
    expect(answer.headers['access-control-allow-methods']).toContain('POST')
    expect(answer.headers['access-control-allow-headers']).toEqual(expect.stringMatching(/event-type/i))
  })
}
