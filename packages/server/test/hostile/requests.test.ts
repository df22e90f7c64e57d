import { startHub } from '@tailrace/testkit'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ask, expectDocumented } from '../../../http/test/hostile/asking.ts'
import { fuzz, FUZZ } from '../../../http/test/hostile/fuzz.ts'

const method = fc.constantFrom('GET', 'POST', 'POST', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH')
const path = fc.oneof(
  fc.constantFrom(
    '/topics/t',
    '/topics/t',
    '/topics',
    '/topics/',
    '/events?topic=t',
    '/events',
    '/tickets',
    '/connections',
    '/connections/x',
    '/connections?subject=x',
    '/healthz',
    '/readyz',
    '/',
    '*',
    '//',
    '/topics/%',
    '/topics/a%2fb',
    '/topics?limit=0',
    '/topics/t?wait=0&limit=9',
    '/topics/t?conflate=1ms',
    '/__proto__',
    '/topics/__proto__',
    '/topics/constructor',
  ),
  fc.string({ maxLength: 10 }).map((text) => `/topics/${text.replaceAll(/[^\x21-\x7e]/g, '')}`),
  fc.string({ maxLength: 10 }).map((text) => `/events?topic=t&${text.replaceAll(/[^\x21-\x7e]/g, '')}`),
)
const header = fc.oneof(
  fc.constantFrom(
    'Content-Type: application/x-ndjson',
    'Content-Type: application/x-ndjson',
    'Content-Type: text/plain',
    'Content-Encoding: gzip',
    'Content-Encoding: identity',
    'Event-Type: tailrace.live',
    'Event-Type: a',
    'Event-Type: a\tb',
    'Event-Key: \xff',
    'Event-End: true',
    'Event-End: maybe',
    'Idempotency-Key: k',
    'Expect: 100-continue',
    'Expect: x',
    'Accept: application/json',
    'Accept: text/html',
    'Accept: \xff;;q=',
    'Origin: https://evil.example',
    'Sec-Fetch-Site: cross-site',
    'Host: evil.example',
    'Authorization: Bearer x',
    'Cookie: tailrace=x',
    'X-Forwarded-For: fe80::1%eth0',
    'Access-Control-Request-Method: POST',
  ),
  fc
    .tuple(
      fc.constantFrom(
        'Event-Type',
        'Event-Key',
        'Idempotency-Key',
        'Last-Event-ID',
        'Accept',
        'Content-Type',
        'Origin',
        'Cookie',
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    .map(
      ([name, value]) =>
        `${name}: ${Buffer.from(value)
          .toString('latin1')
          .replaceAll(/[\r\n\0]/g, '')}`,
    ),
)
const body = fc.oneof(
  fc.constantFrom(
    '',
    'x',
    '\xff',
    '{"data":1}',
    '{"data":"x","topic":"t"}',
    '{"data":1}\n{',
    '{"data":"\\ud800"}',
    '{"data":"x","type":"a\\nid: 1"}',
    '\x1f\x8b\x08',
    '{"data":"x","end":true,"topic":"o"}',
    '['.repeat(5_000),
  ),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
)
const chunked = (text: string): string =>
  `Transfer-Encoding: chunked\r\n\r\n${text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`}0\r\n\r\n`
const sized = (text: string): string => `Content-Length: ${text.length}\r\n\r\n${text}`

test(
  'whatever is asked, the answer is one of the protocol, and the hub is at fault for none',
  FUZZ,
  async () => {
    await using hub = await startHub({ log: 'memory:', args: ['--max-event', '4KiB', '--max-batch', '8KiB'] })
    const codes = new Set<string>()
    await fuzz(
      fc.asyncProperty(
        method,
        path,
        fc.array(header, { maxLength: 4 }),
        body,
        fc.constantFrom(sized, chunked),
        async (verb, target, headers, data, framed) => {
          const head = [
            `${verb} ${target} HTTP/1.1`,
            'Host: localhost',
            'Connection: close',
            ...headers,
            '',
          ].join('\r\n')
          const answer = await ask(hub.port, head + framed(data))
          // Closed without a word, it is no answer; nothing here has a reason to.
          expectDocumented(answer)
          if (answer.code !== undefined) codes.add(answer.code)
        },
      ),
      2_000,
    )
    // It came to many places.
    expect(codes.size).toBeGreaterThan(12)
    expect((await fetch(`${hub.url}/readyz`)).status).toBe(200)
    // What went wrong here would be on stderr.
    expect(hub.output()).not.toMatch(/Error|node:|\.ts:/)
  },
)
