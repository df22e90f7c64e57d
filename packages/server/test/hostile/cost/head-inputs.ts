import type { Random } from '@tailrace/testkit'
import { fillers, pickTail } from './fillers.ts'
import type { Input } from './input.ts'
import { send } from './request.ts'
import type { Request } from './request.ts'
import type { Target } from './target.ts'

/** Every header that the hub or Node interprets, and one that nobody does. */
const HEADERS = [
  'Accept',
  'Access-Control-Request-Method',
  'Authorization',
  'Connection',
  'Content-Encoding',
  'Content-Length',
  'Content-Type',
  'Cookie',
  'Event-End',
  'Event-Key',
  'Event-Type',
  'Expect',
  'Host',
  'Idempotency-Key',
  'Last-Event-ID',
  'Origin',
  'Sec-Fetch-Site',
  'traceparent',
  'tracestate',
  'Transfer-Encoding',
  'Upgrade',
  'X-Forwarded-For',
  'X-Other',
] as const

/** Prefixes that let a value past the first check. */
const PREFIXES: Readonly<Record<string, string>> = {
  Authorization: 'Bearer ',
  Cookie: 'tailrace=',
  tracestate: 'a=',
  'Content-Type': 'application/x-ndjson;',
}

const PARAMETERS = [
  'topic',
  'from',
  'lastEventId',
  'gap',
  'snapshot',
  'envelope',
  'conflate',
  'trace',
  'limit',
  'wait',
  'ticket',
  'prefix',
  'after',
  'other',
] as const

const STREAM: Request = { path: '/topics/t' }
const PAGE: Request = { path: '/topics/t', headers: [['Accept', 'application/json']] }
const EVENT: Request = { method: 'POST', path: '/topics/t', body: 'x' }

/** Each header with each filler as its value; then many headers and long names. */
export function headerInputs(random: Random, size: number, more: number): Input[] {
  const inputs: Input[] = []
  for (const { name, atom, fill } of fillers(random, more)) {
    for (const header of HEADERS) {
      const prefix = random.chance(0.5) ? (PREFIXES[header] ?? '') : ''
      for (const request of [STREAM, EVENT]) {
        const tail = pickTail(random)
        inputs.push({
          name: `${request.method ?? 'GET'} with ${header}: ${prefix}${name}${JSON.stringify(tail)}`,
          family: `header ${JSON.stringify(atom)}`,
          size,
          run: (hub, length) => send(hub, { ...request, headers: [[header, prefix + fill(length, tail)]] }),
        })
      }
    }
  }
  const shapes: readonly (readonly [string, (length: number) => Request['headers']])[] = [
    ['many headers', (length) => Array.from({ length: length / 16 }, (_, i) => [`X-${i}`, 'x'])],
    ['one header many times', (length) => Array.from({ length: length / 16 }, () => ['X-Other', 'x'])],
    ['Cookie many times', (length) => Array.from({ length: length / 16 }, () => ['Cookie', 'a=b'])],
    [
      'X-Forwarded-For many times',
      (length) => Array.from({ length: length / 32 }, () => ['X-Forwarded-For', '127.0.0.1']),
    ],
    ['a long name', (length) => [['x'.repeat(length), 'x']]],
    ['a long name that is none', (length) => [[`${'x'.repeat(length)} `, 'x']]],
    ['Idempotency-Key of all its length', () => [['Idempotency-Key', 'k'.repeat(256)]]],
  ]
  for (const [name, build] of shapes) {
    for (const request of [STREAM, EVENT]) {
      inputs.push({
        name: `${request.method ?? 'GET'} with ${name}`,
        family: name,
        size,
        run: (hub, length) => send(hub, { ...request, headers: build(length) ?? [] }),
      })
    }
  }
  return inputs
}

/** Each path and parameter with each filler; then many parameters. */
export function targetInputs(random: Random, size: number, more: number): Input[] {
  const inputs: Input[] = []
  const add = (name: string, family: string, build: (length: number) => Request): void => {
    inputs.push({ name, family, size, run: (hub, length) => send(hub, withToken(hub, build(length))) })
  }
  for (const { name, atom, fill } of fillers(random, more)) {
    const tail = pickTail(random)
    const value = (length: number): string => {
      const { length: encoded } = inTarget(fill(length, tail))
      return inTarget(fill(Math.floor((length * length) / encoded), tail))
    }
    const family = `target ${JSON.stringify(atom)}`
    for (const parameter of PARAMETERS) {
      const at = parameter === 'topic' ? '/events' : '/topics/t'
      const isListing = parameter === 'prefix' || parameter === 'after'
      const path = isListing ? '/topics' : at
      const others = isListing ? [PAGE] : [STREAM, PAGE]
      for (const request of others) {
        const kind = request === STREAM ? 'stream' : 'page'
        add(`${kind} ${path}?${parameter}=${name}`, family, (length) => ({
          ...request,
          path: `${path}?${parameter}=${value(length)}`,
        }))
      }
    }
    add(`stream /topics/${name}`, family, (length) => ({ ...STREAM, path: `/topics/${value(length)}` }))
    add(`POST /topics/${name}`, family, (length) => ({ ...EVENT, path: `/topics/${value(length)}` }))
    add(`GET /${name}`, family, (length) => ({ path: `/${value(length)}` }))
    add(`DELETE /topics/${name}`, family, (length) => ({
      method: 'DELETE',
      path: `/topics/${value(length)}`,
    }))
    for (const path of ['/connections', '/metrics']) {
      add(`GET ${path}?limit=${name}`, family, (length) => ({ path: `${path}?limit=${value(length)}` }))
    }
  }
  const repeated = (unit: string) => (length: number) => unit.repeat(length / unit.length)
  const units = [
    '&',
    'a&',
    'a=&',
    'topic=a&',
    'topic=*&',
    'topic=*/*&',
    'topic=**&',
    '%',
    'from=start&',
    '=',
    'ticket=a&',
  ]
  for (const unit of units) {
    for (const request of [STREAM, PAGE]) {
      add(`${request === STREAM ? 'stream' : 'page'} ?${unit}…`, `many ${unit}`, (length) => ({
        ...request,
        path: `/events?${repeated(unit)(length)}`,
      }))
    }
  }
  return inputs
}

function withToken({ token }: Target, request: Request): Request {
  return { ...request, headers: [...(request.headers ?? []), ['Authorization', `Bearer ${token}`]] }
}

/** Percent-encodes the characters that a request line must not contain. */
function inTarget(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character))
}
