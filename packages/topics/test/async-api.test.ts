import specifications from '@asyncapi/specs'
import { defineTopics, toAsyncApi } from '@tailrace/topics'
import type { JsonSchema } from '@tailrace/topics'
import { Ajv } from 'ajv'
import * as v from 'valibot'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

const INFO = { title: 'Shop', version: '1.0.0' }

/** The official schema contains its own meta-schema, and formats that are not checked here. */
const LENIENT = { strict: false, validateFormats: false }

let flawsOf: (document: unknown) => unknown

beforeAll(() => {
  const schema: object = specifications.schemas['3.0.0']
  const validate = new Ajv({ ...LENIENT, meta: false, validateSchema: false }).compile(schema)
  flawsOf = (document) => (validate(document) ? null : validate.errors)
})

const Paid = z.object({ total: z.number() })
interface Comment {
  text: string
  replies: Comment[]
}
const Comment: z.ZodType<Comment, Comment> = z.object({
  text: z.string(),
  get replies() {
    return z.array(Comment)
  },
})

test('a document has a channel for each pattern and a message for each type, and is valid AsyncAPI 3.0', () => {
  const topics = defineTopics({
    'orders/:id': { paid: Paid, 'refund/full': z.object({ reason: z.string() }) },
    'orders/:id/comments': { said: Comment },
    news: { headline: z.string() },
  })
  const servers = { hub: { host: 'hub.example.com', protocol: 'https', pathname: '/topics' } }
  const document = toAsyncApi(topics, { info: INFO, servers })
  expect(flawsOf(document)).toBe(null)
  expect(document).toMatchObject({ asyncapi: '3.0.0', info: INFO, servers })
  expect(Object.keys(document.channels)).toEqual(['ordersId', 'ordersIdComments', 'news'])
  expect(document.channels['ordersId']).toEqual({
    address: 'orders/{id}',
    parameters: { id: {} },
    messages: {
      paid: {
        name: 'paid',
        contentType: 'application/json',
        payload: {
          type: 'object',
          properties: { total: { type: 'number' } },
          required: ['total'],
        },
      },
      'refund/full': expect.objectContaining({ name: 'refund/full' }),
    },
  })
  expect(document.operations['ordersId']).toEqual({
    action: 'send',
    channel: { $ref: '#/channels/ordersId' },
  })
})

test('the official schema refuses a document with a mistake', () => {
  const document = toAsyncApi(defineTopics({ news: { headline: z.string() } }), { info: INFO })
  expect(flawsOf(document)).toBe(null)
  expect(flawsOf({ ...document, operations: { news: { action: 'publish' } } })).not.toBe(null)
})

test('a schema that refers to itself does so at its place in the document', () => {
  const topics = defineTopics({ comments: { 'said/first': Comment } })
  const document = toAsyncApi(topics, { info: INFO })
  const references = [...JSON.stringify(document.channels).matchAll(/"\$ref":"#([^"]+)"/g)]
  expect(references.length).toBeGreaterThan(0)
  for (const [, path] of references) {
    let value: unknown = document
    for (const name of path!.split('/').slice(1)) {
      const key = decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~')
      value = (value as Record<string, unknown>)[key]
    }
    expect(value).toMatchObject({ type: 'object', properties: { text: {} } })
  }
})

test('patterns whose names would be equal become different channels', () => {
  const any = z.any()
  const topics = defineTopics({ 'a/b': { any }, 'a.b': { any }, '-': { any }, '日本/:id': { any } })
  const document = toAsyncApi(topics, { info: INFO })
  expect(Object.keys(document.channels)).toEqual(['aB', 'aB2', 'topic', '日本Id'])
  expect(flawsOf(document)).toBe(null)
})

test('a library that does not convert its schemas needs toJsonSchema', () => {
  const topics = defineTopics({ orders: { shipped: v.object({ carrier: v.string() }), paid: Paid } })
  expect(() => toAsyncApi(topics, { info: INFO })).toThrow(
    expect.objectContaining({
      code: 'no-json-schema',
      details: { pattern: 'orders', type: 'shipped' },
      message: expect.stringContaining('valibot') as string,
    }) as Error,
  )
  const converted: JsonSchema = { type: 'object', properties: { carrier: { type: 'string' } } }
  const document = toAsyncApi(topics, { info: INFO, toJsonSchema: () => converted })
  expect(document.channels['orders']!.messages).toMatchObject({
    shipped: { payload: converted },
    paid: { payload: { required: ['total'] } },
  })
  expect(flawsOf(document)).toBe(null)
})

test('a schema without an equivalent in JSON Schema is named', () => {
  const topics = defineTopics({ orders: { paid: z.object({ at: z.date() }) } })
  expect(() => toAsyncApi(topics, { info: INFO })).toThrow(
    expect.objectContaining({
      code: 'no-json-schema',
      details: { pattern: 'orders', type: 'paid' },
    }) as Error,
  )
})
