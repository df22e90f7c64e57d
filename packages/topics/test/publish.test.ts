import { validated } from '@tailrace/client'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { defineTopics, TopicError } from '@tailrace/topics'
import type { TopicErrorCode } from '@tailrace/topics'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { topics } from './page/topics.ts'

let hub: Hub

beforeAll(async () => {
  hub = await createHub({ log: 'memory:' })
})

afterAll(() => hub.close())

async function stored(topic: string): Promise<{ data: string }[]> {
  const history = await hub.read({ selectors: [topic] }, new AbortController().signal)
  if ('gap' in history) throw new Error('There is a gap.')
  return history.events.map(({ type, key, data }) => ({ type, key, data }))
}

/** A rejection or exception with this code. */
const failure = (code: TopicErrorCode): Error => expect.objectContaining({ name: 'TopicError', code })

test('an event is published as JSON, with its optional fields', async () => {
  const publish = topics.publisher(hub, { validate: true })
  const published = await publish('orders/1', 'paid', { total: 12, at: new Date(0) }, { key: 'k' })
  expect(published).toMatchObject({ topic: 'orders/1', duplicate: false })
  await publish('news', 'paid', '42')
  const data = '{"total":12,"at":"1970-01-01T00:00:00.000Z"}'
  expect(await stored('orders/1')).toEqual([{ type: 'paid', key: 'k', data }])
  // Text too: a reader that parses JSON must not receive a number.
  expect(await stored('news')).toEqual([{ type: 'paid', key: undefined, data: '"42"' }])
})

test.each([
  ['zod', 'paid', { total: 'twelve' }, ['total']],
  ['valibot', 'shipped', { carrier: 7 }, ['carrier']],
] as const)(
  'invalid data is reported with the issues of %s, and not published',
  async (_, type, data, path) => {
    const publish = topics.publisher(hub, { validate: true })
    const error: unknown = await publish('orders/2', type, data as never).catch((thrown: unknown) => thrown)
    expect(error).toEqual(failure('invalid-data'))
    if (!TopicError.is(error)) throw error
    const [issue] = error.issues
    expect(issue!.path!.map((segment) => (typeof segment === 'object' ? segment.key : segment))).toEqual(path)
    expect(error.message).toContain(`${type} is invalid: ${path[0]}: `)
    expect(await stored('orders/2')).toEqual([])
  },
)

test('the message of an error names a few of many issues', async () => {
  const publish = defineTopics({ lists: { all: z.array(z.number()) } }).publisher(hub, { validate: true })
  const error: unknown = await publish('lists', 'all', Array<never>(10_000).fill('x' as never)).catch(
    (thrown: unknown) => thrown,
  )
  if (!TopicError.is(error)) throw error
  expect(error.issues).toHaveLength(10_000)
  expect(error.message.length).toBeLessThan(2_000)
  expect(error.message).toMatch(/; and 9990 more$/)
})

test('a reader can apply the schema to what was published', async () => {
  await topics.publisher(hub, { validate: true })('orders/5', 'shipped', { carrier: 'DHL' })
  const decode = validated(topics.definition['orders/:id'])
  const [event] = await stored('orders/5')
  expect(await decode('shipped', event!.data)).toEqual({ carrier: 'DHL' })
  await expect(decode('shipped', '{}')).rejects.toMatchObject({ code: 'invalid-event' })
})

test('without validation, data of any form is published', async () => {
  await topics.publisher(hub)('orders/3', 'paid', { total: 'twelve' } as never)
  expect(await stored('orders/3')).toHaveLength(1)
})

test('what a schema transforms is published as it was given, so that readers can apply the schema', async () => {
  const length = z.string().transform((text) => text.length)
  const own = defineTopics({ lengths: { one: z.object({ of: length, by: z.string().default('me') }) } })
  await own.publisher(hub, { validate: true })('lengths', 'one', { of: 'four' })
  expect(await stored('lengths')).toEqual([{ type: 'one', key: undefined, data: '{"of":"four"}' }])
})

test('a schema that validates asynchronously is awaited', async () => {
  const free = z.string().refine(async (name) => name !== 'taken')
  const publish = defineTopics({ names: { claimed: free } }).publisher(hub, { validate: true })
  await publish('names', 'claimed', 'free')
  await expect(publish('names', 'claimed', 'taken')).rejects.toEqual(failure('invalid-data'))
  expect(await stored('names')).toHaveLength(1)
})

test.each([
  ['a function', () => 1],
  ['nothing', undefined],
  ['a bigint', 1n],
  ['an object that throws null', { toJSON: () => AbortSignal.abort(null).throwIfAborted() }],
])('%s is not a JSON value', async (_, data) => {
  const publish = defineTopics({ anything: { any: z.any() } }).publisher(hub)
  await expect(publish('anything', 'any', data)).rejects.toEqual(failure('invalid-data'))
})

test.each([
  ['order/42', 'paid', 'unknown-topic'],
  ['orders', 'paid', 'unknown-topic'],
  ['orders/', 'paid', 'unknown-topic'],
  ['orders/*', 'paid', 'unknown-topic'],
  ['orders/..', 'paid', 'unknown-topic'],
  ['orders/42/lines', 'paid', 'unknown-topic'],
  [`orders/${'x'.repeat(250)}`, 'paid', 'unknown-topic'],
  ['orders/42', 'said', 'unknown-type'],
  ['orders/42', 'toString', 'unknown-type'],
  ['orders/42', '__proto__', 'unknown-type'],
  ['orders/42', undefined, 'unknown-type'],
  [undefined, 'paid', 'unknown-topic'],
  [42, 'paid', 'unknown-topic'],
] as const)('a program without types cannot publish %s %s', async (topic, type, code) => {
  const publish = topics.publisher(hub) as (...args: unknown[]) => Promise<unknown>
  await expect(publish(topic, type, {})).rejects.toEqual(failure(code))
})

test('errors of the hub reach the publisher', async () => {
  const publish = topics.publisher(hub)
  await expect(publish('orders/4', 'paid', { total: 1 }, { key: 'a\nb' })).rejects.toMatchObject({
    code: 'invalid-key',
  })
})

describe('a topic is built of its parameters', () => {
  test.each(['42', 'ä', ' ', ':id', '...', '%2F'])('which may be %j', (id) => {
    expect(topics.topic('orders/:id', { id })).toBe(`orders/${id}`)
    expect(topics.topic('rooms/:room/messages', { room: id })).toBe(`rooms/${id}/messages`)
  })

  test.each([
    '',
    '.',
    '..',
    'a/b',
    '/',
    '*',
    '**',
    'a*',
    'a\nb',
    '\u0000',
    '\ud800',
    'x'.repeat(250),
    42,
    undefined,
  ])('which must not be %j', (id) => {
    expect(() => topics.topic('orders/:id', { id: id as string })).toThrow(failure('invalid-parameter'))
  })

  test('which must be there', () => {
    expect(() => topics.topic('orders/:id', undefined as never)).toThrow(failure('invalid-parameter'))
  })

  test('which are its own, not those of every object', () => {
    const own = defineTopics({ 'of/:constructor': { any: z.any() } })
    expect(() => own.topic('of/:constructor', {} as never)).toThrow(failure('invalid-parameter'))
  })
})

describe('a definition is refused', () => {
  const any = z.any()

  test.each([
    ['with an empty segment', { 'orders//:id': { any } }, /segment that is empty/],
    ['with a wildcard', { 'orders/*': { any } }, /\*/],
    ['with a parameter without a name', { 'orders/:': { any } }, /parameter :/],
    ['with two parameters of one name', { ':id/:id': { any } }, /two parameters named id/],
    ['with patterns that overlap', { 'orders/:id': { any }, 'orders/new': { any } }, /match the same topics/],
    ['with patterns that overlap crosswise', { ':a/b': { any }, 'a/:b': { any } }, /match the same topics/],
    ['with a reserved type', { a: { 'tailrace.live': any } }, /reserved/],
    ['with a type of two lines', { a: { 'a\nb': any } }, /CR, LF/],
    ['with an empty type', { a: { '': any } }, /is empty/],
    ['without a schema', { a: { b: {} as never } }, /no Standard Schema/],
    ['without event types', { a: undefined }, /pattern a needs an object/],
    ['with a list of event types', { a: [any] }, /pattern a needs an object/],
    ['that is a list', [], /names are patterns/],
    ['that is not there', undefined, /names are patterns/],
  ])('%s', (_, definition, message) => {
    const define = (): unknown => defineTopics(definition as never)
    expect(define).toThrow(failure('invalid-definition'))
    expect(define).toThrow(message)
  })
})
