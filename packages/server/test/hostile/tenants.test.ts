import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from '../auth/tokens.ts'
import { ask, expectDocumented } from '../../../http/test/hostile/asking.ts'
import { fuzz, FUZZ } from '../../../http/test/hostile/fuzz.ts'
import { after, before, name, OTHERS, OWN, spelled } from '../../../http/test/hostile/spellings.ts'

let hub: HubProcess
let token: string
let admin: Record<string, string>

beforeAll(async () => {
  hub = await startHub({
    log: 'memory:',
    env: KEYS,
    args: ['--publish-rate', '0', '--max-streams-per-subject', '0'],
  })
  token = await tokenOf({ subscribe: ['tenant-a/**'], publish: ['tenant-a/**'] })
  admin = bearer(await tokenOf({ subscribe: ['**'], publish: ['**'] }, { sub: 'admin' }))
  const lines = [
    ...OTHERS.map((topic) => ({ topic, data: 'SECRET' })),
    ...OWN.map((topic) => ({ topic, data: 'OPEN' })),
  ]
  const body = lines.map((one) => JSON.stringify(one)).join('\n')
  const headers = { ...admin, 'Content-Type': 'application/x-ndjson' }
  const { status } = await fetch(`${hub.url}/topics`, { method: 'POST', headers, body })
  if (status !== 201) throw new Error(`publish answered ${status}`)
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

const extra = fc.constantFrom(
  '',
  '',
  'X-Original-URL: /topics/tenant-b',
  'X-Rewrite-URL: /topics/secret',
  'X-HTTP-Method-Override: DELETE',
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-Prefix: /topics/tenant-b',
  'Cookie: tailrace=x',
  'Authorization: Bearer x',
  'Forwarded: for=127.0.0.1',
  'Host: 127.0.0.1',
  'Last-Event-ID: x.0',
  'Connection: Authorization',
  'Content-Length: 0',
  'Transfer-Encoding: chunked',
)
const accept = fc.constantFrom('text/event-stream', 'application/json', '*/*')

test('a token of one tenant reads nothing of another, however the request is spelled', FUZZ, async () => {
  const seen = { own: 0, refused: 0 }
  await fuzz(
    fc.asyncProperty(
      fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'DELETE'),
      before,
      spelled,
      after,
      extra,
      accept,
      async (method, start, path, end, header, type) => {
        const headers = [
          'Host: localhost',
          `Authorization: Bearer ${token}`,
          `Accept: ${type}`,
          ...(header === '' ? [] : [header]),
          '',
          '',
        ]
        const answer = await ask(
          hub.port,
          `${method} ${start}${path}${end} HTTP/1.1\r\n${headers.join('\r\n')}`,
        )
        if (answer.status !== 0) expectDocumented(answer)
        expect(answer.text).not.toContain('SECRET')
        if (answer.text.includes('OPEN')) seen.own += 1
        else if (answer.status >= 400) seen.refused += 1
      },
    ),
    2_000,
  )
  // It was asked for what it may have too.
  expect(Math.min(seen.own, seen.refused)).toBeGreaterThan(10)
  expect((await fetch(`${hub.url}/readyz`)).status).toBe(200)
})

test('nor does it publish there, alone or in a batch', FUZZ, async () => {
  await fuzz(
    fc.asyncProperty(
      before,
      spelled,
      name,
      fc.boolean(),
      extra,
      async (start, path, topic, isBatch, header) => {
        const body = isBatch ? `{"data":"FORGED"}\n${JSON.stringify({ topic, data: 'FORGED' })}\n` : 'FORGED'
        const headers = [
          'Host: localhost',
          `Authorization: Bearer ${token}`,
          `Content-Type: ${isBatch ? 'application/x-ndjson' : 'text/plain'}`,
          'Connection: close',
        ]
        const text = [
          ...headers,
          ...(header === '' ? [] : [header]),
          `Content-Length: ${Buffer.byteLength(body)}`,
          '',
          Buffer.from(body).toString('latin1'),
        ].join('\r\n')
        const answer = await ask(
          hub.port,
          `POST ${isBatch && start === '/topics/' ? '/topics' : start + path} HTTP/1.1\r\n${text}`,
        )
        if (answer.status !== 0) expectDocumented(answer)
      },
    ),
    1_000,
  )
  const events: { topic: string; data: string }[] = []
  for (let from = 'start'; ;) {
    const answer = await fetch(`${hub.url}/events?topic=**&limit=1000&from=${from}`, {
      headers: { ...admin, Accept: 'application/json' },
    })
    const page = (await answer.json()) as { events: { topic: string; data: string }[]; next: string }
    if (page.events.length === 0) break
    events.push(...page.events)
    from = page.next
  }
  const isOwn = (topic: string): boolean => topic === 'tenant-a' || topic.startsWith('tenant-a/')
  expect(events.filter(({ topic }) => !isOwn(topic)).map(({ topic, data }) => [topic, data])).toEqual(
    OTHERS.map((topic) => [topic, 'SECRET']),
  )
  expect(events.filter(({ data }) => data === 'FORGED').length).toBeGreaterThan(20)
})
