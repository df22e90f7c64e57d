import { gzipSync } from 'node:zlib'
import { connectRaw } from '../../../http/test/raw-connection.ts'
import { ask } from '../../../http/test/hostile/asking.ts'
import type { Attack } from './attack.ts'

type Ask = Readonly<{ method?: string; path?: string; headers?: readonly string[]; body?: string }>

const NDJSON = 'Content-Type: application/x-ndjson'
const JSON_TYPE = 'Accept: application/json'

function asking(
  name: string,
  answer: string,
  { method = 'POST', path = '/topics/t', headers = [], body = '' }: Ask,
): Attack {
  const host = headers.some((one) => one.startsWith('Host:')) ? [] : ['Host: localhost']
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...host,
    ...headers,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
  return {
    name,
    answer,
    async run({ port }) {
      const { status, code } = await ask(port, head)
      return `${status} ${code ?? ''}`.trim()
    },
  }
}

const bomb = gzipSync(Buffer.alloc(10_000_000)).toString('latin1')

/** What is done with paths, bodies and browsers, to a hub without keys. */
export const CONTENT_ATTACKS: readonly Attack[] = [
  asking('a compressed body that unfolds to 10 MB', '415 unsupported-encoding', {
    headers: ['Content-Encoding: gzip'],
    body: bomb,
  }),
  asking('a body beyond --max-event', '413 event-too-large', { body: 'x'.repeat(100_000) }),
  {
    name: 'chunks without an end',
    answer: /^413 event-too-large/,
    async run({ port }) {
      using raw = connectRaw(port)
      raw.send('POST /topics/t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (let i = 0; i < 100; i += 1) raw.send(`400\r\n${'x'.repeat(1_024)}\r\n`)
      const answer = await raw.closed
      return `${/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]} ${/"code":"([^"]+)"/.exec(answer)?.[1]}`
    },
  },
  asking('a nest of 30,000 lists', '400 invalid-ndjson', {
    headers: [NDJSON],
    body: `{"data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
  }),
  asking('a prototype in JSON', '400 invalid-ndjson', {
    headers: [NDJSON],
    body: '{"data":"x","__proto__":{"topic":"y"}}',
  }),
  asking('a forged frame in a type', '400 invalid-type', {
    headers: [NDJSON],
    body: '{"data":"x","type":"a\\nid: 1\\n\\ndata: y"}',
  }),
  asking('an event of the hub itself', '400 reserved-type', {
    headers: ['Event-Type: tailrace.gap'],
    body: 'x',
  }),
  asking('bytes that are no UTF-8', '400 invalid-utf8', { body: '\xff\xfe' }),
  asking('a path with ..', '400 invalid-topic', { path: '/topics/a/../b', body: 'x' }),
  asking('a path with .., encoded', '400 invalid-topic', { path: '/topics/a/%2e%2E/b', body: 'x' }),
  asking('a path with an encoded slash', '400 invalid-path', { path: '/topics/a%2Fb', body: 'x' }),
  asking('a path with an overlong slash', '400 invalid-path', { path: '/topics/a%c0%afb', body: 'x' }),
  asking('a path with two slashes', '400 invalid-topic', { path: '/topics/a//b', body: 'x' }),
  asking('a topic that ends at a NUL', '400 invalid-topic', { path: '/topics/a%00', body: 'x' }),
  asking('101 topics on a stream', '400 too-many-selectors', {
    method: 'GET',
    path: `/events?${'topic=a&'.repeat(101)}`,
  }),
  asking('a wait of ten minutes', '400 invalid-query', {
    method: 'GET',
    path: '/topics/t?wait=600',
    headers: [JSON_TYPE],
  }),
  asking('DNS rebinding', '403 foreign-host', { method: 'GET', headers: ['Host: evil.example', JSON_TYPE] }),
  asking('a write of another site, by a browser', '403 cross-origin', {
    headers: ['Origin: https://evil.example'],
    body: 'x',
  }),
  asking('a write of a sandboxed page', '403 cross-origin', { headers: ['Origin: null'], body: 'x' }),
]
