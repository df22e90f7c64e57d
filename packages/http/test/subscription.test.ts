import { HttpError, parseStart, parseSubscription, tailraceDialect } from '@tailrace/http'
import type { Dialect, Subscription } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import { describe, expect, test } from 'vitest'
import { MAX_SELECTORS } from '../src/subscription.ts'

function parse(query: string, lastEventId?: string, selectors?: readonly string[]): Subscription {
  return parseSubscription({ selectors, query: new URLSearchParams(query), lastEventId })
}

function refusalOf(task: () => unknown): HttpError | LogError {
  try {
    task()
  } catch (error) {
    if (HttpError.is(error) || LogError.is(error)) return error
    throw error
  }
  throw new Error('it was taken')
}

const dialectOf = (all: boolean): Dialect =>
  tailraceDialect({ envelope: all, namesTopic: all, traces: all, times: all })

test('a plain request reads one topic from now on, replays after a gap, and needs no parameters', () => {
  expect(parse('', undefined, ['orders/42'])).toEqual({
    selectors: ['orders/42'],
    dialect: dialectOf(false),
    start: undefined,
    snapshot: false,
    gap: undefined,
    conflateMs: undefined,
  })
})

test('everything that can be asked for is read', () => {
  expect(
    parse('topic=a/*&topic=b&from=start&envelope=json&gap=live&conflate=250ms&trace=true&time=true'),
  ).toEqual({
    selectors: ['a/*', 'b'],
    dialect: dialectOf(true),
    start: { at: 'oldest' },
    snapshot: false,
    gap: 'live',
    conflateMs: 250,
  })
  expect(parse('topic=a&snapshot=true')).toMatchObject({ snapshot: true, start: undefined })
  expect(parse('topic=a&snapshot=false&from=start')).toMatchObject({
    snapshot: false,
    start: { at: 'oldest' },
  })
})

test.each(['replay', 'live', 'snapshot', 'close'])('a gap may be followed by %s', (policy) => {
  expect(parse(`topic=a&gap=${policy}`).gap).toBe(policy)
})

describe('where to start', () => {
  test.each([
    ['the header wins over everything', 'topic=a&lastEventId=q.2&from=f.3', 'h.1', 'h.1'],
    ['lastEventId wins over from', 'topic=a&lastEventId=q.2&from=f.3', undefined, 'q.2'],
    ['from counts when nothing else is there', 'topic=a&from=f.3', undefined, 'f.3'],
    ['an empty header is none', 'topic=a&from=f.3', '', 'f.3'],
    ['an empty lastEventId is none', 'topic=a&lastEventId=&from=f.3', undefined, 'f.3'],
    ['an empty from is none', 'topic=a&from=', undefined, undefined],
  ])('%s', (_, query, header, from) => {
    expect(parse(query, header).start).toEqual(from === undefined ? undefined : parseStart(from))
  })
})

test.each([
  ['no topic', '', 'topic'],
  ['a parameter that is not known', 'topic=a&form=start', 'form'],
  ['a parameter of history', 'topic=a&limit=3', 'limit'],
  ['a parameter in other letters', 'topic=a&From=start', 'From'],
  ['an unknown policy', 'topic=a&gap=skip', 'gap'],
  ['an empty policy', 'topic=a&gap=', 'gap'],
  ['an unknown envelope', 'topic=a&envelope=xml', 'envelope'],
  ['a snapshot that is neither true nor false', 'topic=a&snapshot=1', 'snapshot'],
  ['a snapshot of everything', 'topic=a&snapshot=true&from=start', 'from'],
  ['from twice', 'topic=a&from=start&from=now', 'from'],
  ['lastEventId twice', 'topic=a&lastEventId=a.1&lastEventId=a.2', 'lastEventId'],
  ['gap twice', 'topic=a&gap=live&gap=live', 'gap'],
  ['a conflation without a unit', 'topic=a&conflate=250', 'conflate'],
  ['a conflation of no time', 'topic=a&conflate=0ms', 'conflate'],
  ['a conflation over more than a minute', 'topic=a&conflate=61s', 'conflate'],
  ['a conflation in minutes', 'topic=a&conflate=1m', 'conflate'],
  ['conflate twice', 'topic=a&conflate=1s&conflate=1s', 'conflate'],
  ['snapshot twice', 'topic=a&snapshot=true&snapshot=false', 'snapshot'],
  ['envelope twice', 'topic=a&envelope=json&envelope=json', 'envelope'],
])('%s is refused by its name', (_, query, parameter) => {
  expect(refusalOf(() => parse(query))).toMatchObject({ code: 'invalid-query', details: { parameter } })
})

test('a parameter that is given twice is refused also where something else wins over it', () => {
  const refusal = refusalOf(() => parse('topic=a&from=start&from=now', 'a.1'))
  expect(refusal).toMatchObject({ code: 'invalid-query', details: { parameter: 'from' } })
})

test('a topic in the path and one in the query are refused together', () => {
  const refusal = refusalOf(() => parse('topic=b', undefined, ['a']))
  expect(refusal).toMatchObject({ code: 'invalid-query', details: { parameter: 'topic' } })
})

describe('selectors', () => {
  test.each(['', 'a//b', '/a', 'a/', 'a*', 'a/**/b', '***', 'a/../b', 'a\u0085b', 'x'.repeat(257)])(
    '%j is refused',
    (selector) => {
      const query = new URLSearchParams({ topic: selector })
      expect(refusalOf(() => parseSubscription({ query })).code).toBe('invalid-selector')
    },
  )

  test('as many as fit are taken, and one more is not', () => {
    const many = (count: number): string => Array.from({ length: count }, (_, i) => `topic=t${i}`).join('&')
    expect(parse(many(MAX_SELECTORS)).selectors).toHaveLength(100)
    expect(refusalOf(() => parse(many(MAX_SELECTORS + 1)))).toMatchObject({
      code: 'too-many-selectors',
      details: { selectors: 101, max: 100 },
    })
  })

  test('one that is given twice counts once', () => {
    expect(parse('topic=a&topic=b&topic=a').selectors).toEqual(['a', 'b'])
  })
})
