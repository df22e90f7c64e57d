import { parseHistoryQuery } from '@tailrace/http'
import type { HistoryQuery } from '@tailrace/hub'
import { describe, expect, test } from 'vitest'

describe('a query', () => {
  const parse = (text: string): HistoryQuery => parseHistoryQuery({ query: new URLSearchParams(text) })

  test('everything that can be asked for is read', () => {
    expect(parse('topic=a/*&topic=b&from=now&limit=1000&wait=55&trace=true')).toEqual({
      selectors: ['a/*', 'b'],
      start: { at: 'tip' },
      limit: 1000,
      waitSeconds: 55,
      trace: true,
    })
    expect(parse('topic=a&limit=1&wait=0')).toMatchObject({ limit: 1, waitSeconds: 0 })
  })

  test.each([
    ['topic=a&limit=0', 'limit'],
    ['topic=a&limit=1001', 'limit'],
    ['topic=a&limit=', 'limit'],
    ['topic=a&limit=1.5', 'limit'],
    ['topic=a&limit=-1', 'limit'],
    ['topic=a&limit=1e2', 'limit'],
    ['topic=a&limit=%201', 'limit'],
    ['topic=a&wait=56', 'wait'],
    ['topic=a&wait=1s', 'wait'],
    ['topic=a&limit=1&limit=1', 'limit'],
    ['topic=a&from=now&from=now', 'from'],
    ['topic=a&snapshot=true', 'snapshot'],
    ['topic=a&lastEventId=x.1', 'lastEventId'],
    ['', 'topic'],
  ])('%j is refused for its %s', (text, parameter) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ name: 'HttpError', code: 'invalid-query', details: { parameter } }),
    )
  })
})
