import type { Input } from './input.ts'
import { send } from './request.ts'
import type { Request } from './request.ts'
import { nextClient } from './target.ts'
import type { Target } from './target.ts'

const TOPICS = 20_000
/** Few enough for any limit on a batch, and for one second's worth of events. */
const LINES_OF_BATCH = 1_000
const JSON_TYPE = [['Accept', 'application/json']] as const
const NDJSON = [['Content-Type', 'application/x-ndjson']] as const

/** Fills the log with many topics, many keys, and events whose JSON is six times their size. */
export async function stock(hub: Target): Promise<void> {
  const control = JSON.stringify({ topic: 'control', data: '\x01'.repeat(32 * 1024) })
  await publishLines(
    hub,
    numbered(TOPICS, (i) => JSON.stringify({ topic: `a/b/${i}/c`, data: `${i}` })),
  )
  await publishLines(
    hub,
    numbered(5_000, (i) => JSON.stringify({ topic: 'keys', key: `${i}`, data: `${i}` })),
  )
  await publishLines(
    hub,
    numbered(64, () => control),
    8,
  )
}

async function publishLines(hub: Target, lines: readonly string[], most = LINES_OF_BATCH): Promise<void> {
  for (let i = 0; i < lines.length; i += most) {
    const body = lines.slice(i, i + most).join('\n')
    const { status } = await send(nextClient(hub), { method: 'POST', path: '/topics', headers: NDJSON, body })
    if (status !== 201) throw new Error(`a batch to read was answered ${status}`)
  }
}

function numbered<T>(count: number, build: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => build(i))
}

const patterns = (count: number, write: (i: number) => string): string =>
  numbered(count, (i) => `topic=${write(i)}`).join('&')

const SELECTORS: Readonly<Record<string, (i: number) => string>> = {
  'that match nothing': (i) => `*/b/*/${i}`,
  'that match all': (i) => (i === 0 ? '*/*/*/*' : `*/*/*/*/${i}`),
  'with a prefix': (i) => `a/b/*/${i}`,
  'with an open end': (i) => `a/*/${i}/**`,
  'of many segments': (i) => `${'*/'.repeat(40)}${i}`,
  'that are topics': (i) => `a/b/${i}/c`,
}

/** Small requests that read a large log. */
export function logInputs(): Input[] {
  const inputs: Input[] = []
  const add = (name: string, size: number, worth: number, build: (count: number) => Request): void => {
    inputs.push({ name, family: `log: ${name}`, size, worth, run: (hub, count) => send(hub, build(count)) })
  }
  for (const [name, write] of Object.entries(SELECTORS)) {
    // Walking all topics once may cost as much as a hundred publishes. Walking them once per pattern may not.
    add(`a stream of patterns ${name}`, 25, 100, (count) => ({ path: `/events?${patterns(count, write)}` }))
    add(`a replay of patterns ${name}`, 25, 400, (count) => ({
      path: `/events?${patterns(count, write)}`,
      headers: [['Last-Event-ID', 'x']],
    }))
    add(`a page of patterns ${name}`, 25, 100, (count) => ({
      path: `/events?${patterns(count, write)}`,
      headers: JSON_TYPE,
    }))
  }
  add('a page of events', 250, 100, (limit) => ({
    path: `/events?topic=**&limit=${limit}`,
    headers: JSON_TYPE,
  }))
  add('a page of control characters', 8, 100, (limit) => ({
    path: `/topics/control?limit=${limit}`,
    headers: JSON_TYPE,
  }))
  add('a list of topics', 250, 20, (limit) => ({ path: `/topics?limit=${limit}`, headers: JSON_TYPE }))
  add('a list of topics with a prefix', 50, 20, (length) => ({
    path: `/topics?prefix=${'a/b/1'.padEnd(length, '1')}`,
    headers: JSON_TYPE,
  }))
  add('a snapshot', 1, 400, () => ({ path: '/topics/keys?snapshot=true' }))
  return inputs
}
