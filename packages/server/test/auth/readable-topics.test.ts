import { coveredBy, createMemoryLog, matches } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readableTopics } from '../../../http/src/readable-topics.ts'
import { fuzz, FUZZ } from '../../../http/test/hostile/fuzz.ts'
import { bearer, KEYS, tokenOf } from './tokens.ts'

async function publish(hub: HubProcess, topics: readonly string[]): Promise<void> {
  const headers = { ...bearer(await tokenOf({ publish: ['**'] })), 'Content-Type': 'application/x-ndjson' }
  const body = topics.map((topic) => `${JSON.stringify({ topic, data: 'x' })}\n`).join('')
  expect((await fetch(`${hub.url}/topics`, { method: 'POST', headers, body })).status).toBe(201)
}

interface Page {
  readonly topics: readonly { topic: string }[]
  readonly next?: string
}

describe('a list of topics', () => {
  let hub: HubProcess

  beforeEach(async () => {
    hub = await startHub({ env: KEYS, log: 'memory:' })
  })

  afterEach(async () => {
    await hub[Symbol.asyncDispose]()
  })

  async function page(token: string, query = ''): Promise<{ status: number; text: string; page: Page }> {
    const response = await fetch(`${hub.url}/topics${query}`, { headers: bearer(token) })
    const text = await response.text()
    return { status: response.status, text, page: JSON.parse(text) as Page }
  }

  async function all(token: string, query = '?limit=2'): Promise<{ names: string[]; texts: string }> {
    const names: string[] = []
    let [after, texts] = ['', '']
    for (;;) {
      const { text, page: one } = await page(token, `${query}&after=${encodeURIComponent(after)}`)
      texts += text
      names.push(...one.topics.map(({ topic }) => topic))
      if (one.next === undefined) return { names, texts }
      after = one.next
    }
  }

  test('has what the token may read, and no name of anything else, not even where a page ends', async () => {
    await publish(hub, [
      'orders',
      'orders/1',
      'orders/1/lines',
      'orders-secret',
      'rooms/a/chat',
      'rooms/b/chat',
    ])
    await publish(hub, ['news', 'news-secret', 'a-secret', 'z-secret', 'rooms/a/secret', 'rooms/b/secret/x'])
    const token = await tokenOf({ subscribe: ['orders/**', 'news', 'rooms/*/chat'] })
    for (const limit of [1, 2, 3, 100]) {
      const { names, texts } = await all(token, `?limit=${limit}`)
      expect(names).toEqual(['news', 'orders', 'orders/1', 'orders/1/lines', 'rooms/a/chat', 'rooms/b/chat'])
      expect(texts).not.toContain('secret')
    }
    expect((await all(token, '?prefix=orders/')).names).toEqual(['orders/1', 'orders/1/lines'])
    expect((await all(token, '?prefix=room')).names).toEqual(['rooms/a/chat', 'rooms/b/chat'])
    expect((await all(token, '?prefix=a-')).names).toEqual([])
  })

  test('goes on behind any number of topics that the token may not read, and says nothing of them', async () => {
    await publish(
      hub,
      Array.from({ length: 2_500 }, (_, i) => `rooms/${i}/secret`),
    )
    await publish(hub, ['rooms/~/chat'])
    const token = await tokenOf({ subscribe: ['rooms/*/chat'] })
    const first = await page(token)
    expect(first.page.topics).toEqual([])
    expect(first.page.next).toBeDefined()
    const { names, texts } = await all(token)
    expect(names).toEqual(['rooms/~/chat'])
    expect(texts).not.toContain('secret')
  })

  test('takes a right to read something, and no made up place', async () => {
    expect(await page(await tokenOf({ publish: ['**'] }))).toMatchObject({ status: 403 })
    const token = await tokenOf({ subscribe: ['a'] })
    for (const after of ['*', '*x', '*eyJhbGciOiJkaXIifQ..a.b.c'])
      expect(await page(token, `?after=${after}`)).toMatchObject({
        status: 400,
        page: { code: 'invalid-query' },
      })
  })
})

describe('what is read for a page', () => {
  async function withTopics(
    topics: readonly string[],
  ): Promise<{ log: CompleteEventLog; cost: { reads: number; names: number } }> {
    const log = createMemoryLog()
    if (topics.length > 0) await log.append(topics.map((topic) => ({ topic, data: '' })))
    const cost = { reads: 0, names: 0 }
    return {
      cost,
      log: {
        ...log,
        topics: {
          ...log.topics,
          async list(query) {
            const found = await log.topics.list(query)
            cost.reads += 1
            cost.names += found.length
            return found
          },
        },
      },
    }
  }

  test('is bounded, whatever the rights are and however many topics there are', async () => {
    const { log, cost } = await withTopics(Array.from({ length: 5_000 }, (_, i) => `a/${i}/x`))
    for (const subscribe of [
      ['a/*/y'],
      ['*/*/y'],
      Array.from({ length: 1_000 }, (_, i) => `a/${i}/y`),
      Array.from({ length: 1_000 }, (_, i) => `a/${i}/**`),
    ]) {
      cost.reads = 0
      cost.names = 0
      await readableTopics(log.topics.list, subscribe, coveredBy(subscribe), {
        prefix: '',
        after: '',
        limit: 1_000,
      })
      expect(cost.reads).toBeLessThanOrEqual(50)
      expect(cost.names).toBeLessThanOrEqual(1_050)
    }
  })

  test('page by page, is what is selected, once and in order', FUZZ, async () => {
    const segment = fc.constantFrom('a', 'b', 'a-', 'ab', '\u{10ffff}', 'é')
    const topic = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
    const wild = fc.constantFrom('a', 'b', 'a-', '*', '\u{10ffff}')
    const selector = fc
      .tuple(fc.array(wild, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([parts, isOpen]) => [...parts, ...(isOpen ? ['**'] : [])].join('/'))
    const prefix = fc.constantFrom('', '', 'a', 'a/', 'ab', 'b/a', '\u{10ffff}')
    await fuzz(
      fc.asyncProperty(
        fc.uniqueArray(topic, { maxLength: 20 }),
        fc.array(selector, { minLength: 1, maxLength: 5 }),
        prefix,
        fc.integer({ min: 1, max: 4 }),
        async (topics, selectors, start, limit) => {
          const { log } = await withTopics(topics)
          const listed: string[] = []
          let after: string | undefined = ''
          while (after !== undefined) {
            const page = await readableTopics(log.topics.list, selectors, coveredBy(selectors), {
              prefix: start,
              after,
              limit,
            })
            listed.push(...page.topics.map((one) => one.topic))
            after = page.next
          }
          const expected = topics
            .filter((one) => one.startsWith(start) && selectors.some((selected) => matches(selected, one)))
            .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          expect(listed).toEqual(expected)
        },
      ),
      1_000,
    )
  })
})
