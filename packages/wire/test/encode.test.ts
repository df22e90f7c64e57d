import { HEARTBEAT, MAX_RETRY_MS, WireError, type EncodableEvent, encodeEvent } from '@tailrace/wire'
import { describe, expect, test } from 'vitest'

function refusal(event: EncodableEvent): WireError {
  try {
    encodeEvent(event)
  } catch (error) {
    if (WireError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('fields', () => {
  test('come in one order, with one space, and a blank line ends the block', () => {
    expect(
      encodeEvent({ retry: 5000, id: 'k7x2.1042', topic: 'orders/42', data: '{"total":12}', type: 'paid' }),
    ).toBe('event: paid\ndata: {"total":12}\ntopic: orders/42\nid: k7x2.1042\nretry: 5000\n\n')
  })

  test('of a trace stand with those of ours', () => {
    expect(encodeEvent({ id: '1', tracestate: 'a=1', traceparent: '00-1', topic: 'a', data: 'x' })).toBe(
      'data: x\ntopic: a\ntraceparent: 00-1\ntracestate: a=1\nid: 1\n\n',
    )
  })

  test('that are undefined have no line', () => {
    expect(
      encodeEvent({ data: 'x', type: undefined, id: undefined, retry: undefined, topic: undefined }),
    ).toBe('data: x\n\n')
  })

  test('without data make a block of only an id or a retry', () => {
    expect(encodeEvent({ id: '7' })).toBe('id: 7\n\n')
    expect(encodeEvent({ retry: 0 })).toBe('retry: 0\n\n')
  })

  test('that are empty keep their line', () => {
    expect(encodeEvent({ data: '' })).toBe('data: \n\n')
    expect(encodeEvent({ data: 'x', type: '', id: '', topic: '' })).toBe(
      'event: \ndata: x\ntopic: \nid: \n\n',
    )
  })

  test('keep their own leading space behind the one of the format', () => {
    expect(encodeEvent({ data: ' x', type: ' y' })).toBe('event:  y\ndata:  x\n\n')
  })
})

describe('data', () => {
  test('has a line for each of its lines, ended by LF, CR or CRLF', () => {
    expect(encodeEvent({ data: 'a\nb\rc\r\nd' })).toBe('data: a\ndata: b\ndata: c\ndata: d\n\n')
  })

  test('that ends in a line break ends in an empty line', () => {
    expect(encodeEvent({ data: 'a\n' })).toBe('data: a\ndata: \n\n')
    expect(encodeEvent({ data: '\n\r\r\n' })).toBe('data: \ndata: \ndata: \ndata: \n\n')
  })

  test('cannot begin another field', () => {
    expect(encodeEvent({ data: 'x\n\nevent: admin\rid: 1' })).toBe(
      'data: x\ndata: \ndata: event: admin\ndata: id: 1\n\n',
    )
  })

  test('may hold NUL and replacement patterns', () => {
    expect(encodeEvent({ data: "\0$&$1$'\n$`" })).toBe("data: \0$&$1$'\ndata: $`\n\n")
  })
})

describe('what cannot be encoded is refused', () => {
  for (const field of ['type', 'id', 'topic', 'traceparent', 'tracestate'] as const) {
    for (const bad of ['a\rb', 'a\nb', 'a\0b', '\n', 'evt\ndata: injected\n\nevent: admin']) {
      test(`${field} ${JSON.stringify(bad)}`, () => {
        const error = refusal({ data: 'x', [field]: bad })
        expect(error.code).toBe('invalid-field')
        expect(error.details).toEqual({ field })
        expect(error.message).toContain(field)
      })
    }
  }

  for (const retry of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_RETRY_MS + 1]) {
    test(`retry ${retry}`, () => {
      expect(refusal({ retry })).toMatchObject({
        code: 'invalid-field',
        details: { field: 'retry', value: retry },
      })
    })
  }

  for (const field of ['data', 'type', 'id', 'topic', 'traceparent', 'tracestate'] as const) {
    for (const bad of ['\ud800', 'a\udc00b', '\udc00\ud800', '日\ud83d\n']) {
      if (field !== 'data' && bad.endsWith('\n')) continue
      test(`a lone surrogate in ${field}: ${JSON.stringify(bad)}`, () => {
        expect(refusal({ data: 'x', [field]: bad })).toMatchObject({
          code: 'invalid-text',
          details: { field },
        })
      })
    }
  }

  test('but not a surrogate pair', () => {
    expect(encodeEvent({ data: '😀', type: '😀', id: '😀', topic: '😀' })).toContain('data: 😀\n')
  })

  test('nor the longest retry', () => {
    expect(encodeEvent({ retry: MAX_RETRY_MS })).toBe('retry: 2147483647\n\n')
  })
})

test('a heartbeat is a comment without a blank line', () => {
  expect(HEARTBEAT).toBe(':\n')
})
