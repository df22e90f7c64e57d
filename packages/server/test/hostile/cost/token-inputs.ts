import { createHmac } from 'node:crypto'
import { SECRET } from '../../auth/tokens.ts'
import type { Input } from './input.ts'
import { send } from './request.ts'

const encode = (text: string): string => Buffer.from(text).toString('base64url')

function sign(header: string, payload: string): string {
  const text = `${encode(header)}.${encode(payload)}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

const HS256 = '{"alg":"HS256"}'
const nest = (bytes: number): string => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2)
const list = (unit: string, bytes: number): string =>
  `[${`${unit},`.repeat(bytes / (unit.length + 1))}${unit}]`
const selectors = (bytes: number, write: (i: number) => string): string =>
  JSON.stringify(Array.from({ length: Math.min(1_000, bytes / 16) }, (_, i) => write(i)))

/** Tokens of roughly the given size: some signed with the hub's secret, others only shaped like tokens. */
const TOKENS: Readonly<Record<string, (bytes: number) => string>> = {
  'a long claim': (bytes) => sign(HS256, `{"x":"${'x'.repeat(bytes)}","tailrace":{}}`),
  'a deep claim': (bytes) => sign(HS256, `{"x":${nest(bytes)},"tailrace":{}}`),
  'many claims': (bytes) => sign(HS256, `{${'"x":1,'.repeat(bytes / 6)}"tailrace":{}}`),
  'a long subject': (bytes) => sign(HS256, `{"sub":"${'x'.repeat(bytes)}","tailrace":{}}`),
  'many audiences': (bytes) => sign(HS256, `{"aud":${list('"a"', bytes)},"tailrace":{}}`),
  'a deep right': (bytes) => sign(HS256, `{"tailrace":${nest(bytes)}}`),
  'many selectors': (bytes) => sign(HS256, `{"tailrace":{"subscribe":${selectors(bytes, (i) => `a/${i}`)}}}`),
  'many patterns': (bytes) =>
    sign(HS256, `{"tailrace":{"subscribe":${selectors(bytes, (i) => `*/*/*/${i}`)}}}`),
  'a selector of many segments': (bytes) =>
    sign(HS256, `{"tailrace":{"subscribe":["${'*/'.repeat(bytes / 2)}**"]}}`),
  'more selectors than are taken': (bytes) => sign(HS256, `{"tailrace":{"publish":${list('""', bytes)}}}`),
  'a deep header': (bytes) => `${encode(`{"alg":"HS256","x":${nest(bytes)}}`)}.e30.AAAA`,
  'a long header': (bytes) => `${encode(`{"alg":"HS256","kid":"${'x'.repeat(bytes)}"}`)}.e30.AAAA`,
  'many critical fields': (bytes) => `${encode(`{"alg":"HS256","crit":${list('"a"', bytes)}}`)}.e30.AAAA`,
  'five parts of an encrypted one': (bytes) =>
    `${encode('{"alg":"dir","enc":"A256GCM"}')}..AAAA.${'A'.repeat(bytes)}.AAAA`,
  'many dots': (bytes) => '.'.repeat(bytes),
  'a long signature': (bytes) => `${encode(HS256)}.e30.${'A'.repeat(bytes)}`,
  'no end': (bytes) => 'A'.repeat(bytes),
  'equals signs': (bytes) => `A${'='.repeat(bytes)}!`,
}

/** Each token as a bearer token, for one topic and for 100 patterns; in a cookie; and as a ticket. */
export function tokenInputs(size: number): Input[] {
  const topics = Array.from({ length: 100 }, (_, i) => `topic=*/*/${i}`).join('&')
  return Object.entries(TOKENS).flatMap(([name, build]) => {
    const add = (where: string, run: Input['run']): Input => ({
      name: `${where}: ${name}`,
      family: `token: ${name}`,
      size,
      run,
    })
    return [
      add('Authorization', (hub, bytes) =>
        send(hub, { path: '/topics/t', headers: [['Authorization', `Bearer ${build(bytes)}`]] }),
      ),
      add('Authorization, for 100 patterns', (hub, bytes) =>
        send(hub, { path: `/events?${topics}`, headers: [['Authorization', `Bearer ${build(bytes)}`]] }),
      ),
      add('Cookie', (hub, bytes) =>
        send(hub, {
          method: 'POST',
          path: '/topics/t',
          headers: [['Cookie', `tailrace=${build(bytes)}`]],
          body: 'x',
        }),
      ),
      add('ticket', (hub, bytes) => send(hub, { path: `/topics/t?ticket=${build(bytes)}` })),
    ]
  })
}
