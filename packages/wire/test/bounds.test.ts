import { createDecoder, DEFAULT_MAX_BUFFER_LENGTH, type DecoderSink, WireError } from '@tailrace/wire'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesOf, collect } from './collect.ts'

const maxBufferLength = 1000

/** How many chunks, after the first, a decoder takes before it refuses; -1 when it takes 100,000. */
function chunksTaken(first: string, next: string, sink: Partial<DecoderSink> = {}): number {
  const decoder = createDecoder({ onEvent: () => undefined, ...sink }, { maxBufferLength })
  decoder.push(bytesOf(first))
  const chunk = bytesOf(next)
  for (let taken = 0; taken < 100_000; taken++) {
    try {
      decoder.push(chunk)
    } catch (error) {
      if (!WireError.is(error) || error.code !== 'buffer-exceeded') throw error
      return taken
    }
  }
  return -1
}

describe('the buffer is bounded', () => {
  test('against an endless data line', () => {
    expect(chunksTaken('data:', 'x')).toBe(995)
    expect(chunksTaken('data:', '日')).toBe(995)
  })

  test('against an endless id, event, topic and retry line', () => {
    expect(chunksTaken('id:', 'x')).toBe(997)
    expect(chunksTaken('event:', 'x')).toBe(994)
    expect(chunksTaken('topic:', 'x')).toBe(994)
    expect(chunksTaken('key:', 'x')).toBe(996)
    expect(chunksTaken('time:', 'x')).toBe(995)
    expect(chunksTaken('remove:', 'x')).toBe(993)
    expect(chunksTaken('retry:', '1')).toBe(994)
  })

  test('against endless data lines, also empty ones', () => {
    expect(chunksTaken('', 'data:abcde\n')).toBe(100)
    expect(chunksTaken('', 'data\n')).toBe(250)
  })

  test('against endless event, id and topic lines', () => {
    expect(chunksTaken('', 'event:abcd\n')).toBe(100)
    expect(chunksTaken('', 'id:abcdefg\n')).toBe(100)
    expect(chunksTaken('', 'topic:abcd\n')).toBe(100)
    expect(chunksTaken('', 'key:abcdef\n')).toBe(100)
    expect(chunksTaken('', 'time:abcde\n')).toBe(100)
  })

  test('against fields and an unfinished line together', () => {
    expect(chunksTaken(`id:${'1'.repeat(397)}\nevent:${'2'.repeat(394)}\ndata:`, 'x')).toBe(195)
  })

  test('against an endless comment that is asked for', () => {
    expect(chunksTaken(':', 'x', { onComment: () => undefined })).toBe(999)
  })

  test('but comments that nobody asked for, unknown fields and retries are not held', () => {
    expect(chunksTaken('data:x\n:', 'xxxxxxxxxx')).toBe(-1)
    expect(chunksTaken('data:x\nunknown:', 'xxxxxxxxxx')).toBe(-1)
    expect(chunksTaken('data:x\ndatax', 'xxxxxxxxxx')).toBe(-1)
    expect(chunksTaken('', ':comment\n')).toBe(-1)
    expect(chunksTaken('', 'retry:1\n')).toBe(-1)
  })

  test('and blocks that end are no limit to the stream', () => {
    expect(chunksTaken('', 'id:1\nevent:x\ntopic:y\ndata:12345\n\n')).toBe(-1)
  })
})

test('a block of exactly the bound is delivered, and one more is refused', () => {
  const [most, more] = [1000, 1001].map((length) => bytesOf(`data:${'x'.repeat(length - 5)}\n\n`))
  expect(collect([most ?? bytesOf('')], { maxBufferLength })).toMatchObject([{ is: 'event' }])
  expect(collect([more ?? bytesOf('')], { maxBufferLength })).toEqual([
    { is: 'error', code: 'buffer-exceeded' },
  ])
})

test('a decoder that refused stays refusing, with the same error, and keeps its last event ID', () => {
  const decoder = createDecoder({ onEvent: () => undefined }, { maxBufferLength: 10 })
  const caught = [`id:1\n\ndata:${'x'.repeat(10)}`, 'data:1\n\n', '', 'end', 'data:1\n\n'].map((text) => {
    try {
      if (text === 'end') decoder.end()
      else decoder.push(bytesOf(text))
      return undefined
    } catch (error) {
      return error
    }
  })
  expect(caught[0]).toMatchObject({ code: 'buffer-exceeded', details: { maxBufferLength: 10 } })
  expect(caught).toEqual([caught[0], caught[0], caught[0], undefined, caught[0]])
  expect(caught[1]).toBe(caught[0])
  expect(decoder.lastEventId).toBe('1')
})

test('the default bound is 64 Mi', () => {
  expect(DEFAULT_MAX_BUFFER_LENGTH).toBe(67_108_864)
})

test('a bound is met at the same place however the stream is cut', () => {
  const piece = fc.constantFrom(
    'data:',
    'data',
    'id:',
    'event:',
    'topic',
    'key:',
    'retry:1',
    'remove:',
    'time',
    ':',
    'x',
    'xx',
    '\n',
    '\r',
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 9 }),
      (pieces, max, size) => {
        const bytes = bytesOf(pieces.join(''))
        const chunks: Uint8Array[] = []
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
        const options = { maxBufferLength: max }
        expect(collect(chunks, options)).toEqual(collect([bytes], options))
      },
    ),
    { numRuns: 2000 },
  )
})

test('a line that drips in, and very many lines, are put together right', () => {
  const drip = Array.from({ length: 20_000 }, (_, at) => String.fromCharCode(97 + (at % 26)))
  expect(collect(['data:', ...drip, '\n\n'].map(bytesOf))).toMatchObject([{ data: drip.join('') }])
  const lines = drip.map((letter) => bytesOf(`data:${letter}\n`))
  expect(collect([...lines, bytesOf('\n')])).toMatchObject([{ data: drip.join('\n') }])
})
