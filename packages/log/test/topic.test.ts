import { LogError, MAX_TOPIC_BYTES, parseTopic } from '@tailrace/log'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const VALID = [
  'a',
  'orders/42',
  'a/b/c/d/e/f',
  'ä/😀/ x ',
  '...',
  'a/.b/c..',
  'a%2Fb',
  '-',
  '~/#?&=+',
  'x'.repeat(MAX_TOPIC_BYTES),
  'é'.repeat(MAX_TOPIC_BYTES / 2),
]

const INVALID: readonly (readonly [name: string, topic: string, flaw: RegExp])[] = [
  ['no text', '', /empty/],
  ['a number', 5 as unknown as string, /not text/],
  ['nothing', undefined as unknown as string, /not text/],
  ['a leading slash', '/a', /empty segment/],
  ['a trailing slash', 'a/', /empty segment/],
  ['a double slash', 'a//b', /empty segment/],
  ['a slash alone', '/', /empty segment/],
  ['a byte too many', 'x'.repeat(MAX_TOPIC_BYTES + 1), /longer than 256 bytes/],
  ['fewer characters but a byte too many', `${'é'.repeat(MAX_TOPIC_BYTES / 2)}x`, /longer than 256 bytes/],
  ['a NUL', 'a\0b', /control/],
  ['a line feed', 'a\nb', /control/],
  ['a carriage return', 'a\rb', /control/],
  ['a tab', 'a\tb', /control/],
  ['DEL', 'a\u007f', /control/],
  ['the C1 control NEL', 'a\u0085', /control/],
  ['the segment .', 'a/./b', /segment \./],
  ['the segment ..', '..', /segment \.\./],
  ['a wildcard', 'a/*', /\*/],
  ['a star within a segment', 'a*b', /\*/],
  ['half a surrogate pair', 'a\ud800', /Unicode/],
]

/** What is thrown, if anything; fails on anything but a refusal. */
function refusalOf(topic: string): LogError | undefined {
  try {
    parseTopic(topic)
    return undefined
  } catch (error) {
    if (LogError.is(error) && error.code === 'invalid-topic') return error
    throw error
  }
}

describe('parseTopic', () => {
  test.each(VALID)('accepts %s unchanged', (topic) => {
    expect(parseTopic(topic)).toBe(topic)
  })

  test.each(INVALID)('refuses %s, and says why', (_, topic, flaw) => {
    const error = refusalOf(topic)
    expect(error?.message).toMatch(flaw)
    expect(error?.details['flaw']).toMatch(flaw)
  })

  test('accepts a text exactly when it keeps every rule', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(refusalOf(text) === undefined).toBe(
          text !== '' &&
            Buffer.byteLength(text) <= MAX_TOPIC_BYTES &&
            !/[*\p{Cc}]/u.test(text) &&
            !text.split('/').some((segment) => ['', '.', '..'].includes(segment)),
        )
      }),
      { numRuns: 1000 },
    )
  })
})

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: fc.constantFrom('a', 'é', '.', '/', '*', '\u0085'), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('é', 'x'), minLength: 100, maxLength: 300 }),
)
