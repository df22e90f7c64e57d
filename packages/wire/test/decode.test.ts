import { createDecoder, MAX_RETRY_MS, WireError } from '@tailrace/wire'
import { describe, expect, test } from 'vitest'
import { bytesOf, collect, eventsOf } from './collect.ts'

// Quotations are from WHATWG HTML 9.2.5 and 9.2.6. eventsOf() also tries every way to cut a stream in two.

function countOf(...texts: string[]): number {
  return collect(texts.map(bytesOf)).length
}

describe('9.2.5, the stream', () => {
  test('"must be decoded using the UTF-8 decode algorithm": bytes that are not UTF-8 become U+FFFD', () => {
    const bytes = new Uint8Array([...bytesOf('data:'), 0xff, 0x20, 0xe2, 0x82, ...bytesOf('x\n\n')])
    expect(eventsOf(bytes)).toEqual([['message', '\ufffd \ufffdx', '']])
  })

  test('"strips one leading UTF-8 Byte Order Mark (BOM), if any"', () => {
    expect(eventsOf('\ufeffdata:x\n\n')).toEqual([['message', 'x', '']])
  })

  test('a second byte order mark belongs to the first field name', () => {
    expect(eventsOf('\ufeff\ufeffdata:1\n\ndata:2\n\n')).toEqual([['message', '2', '']])
  })

  test('a byte order mark later on is text', () => {
    expect(eventsOf('data:\ufeff\n\n\ufeffdata:2\n\n:\n\ufeffdata:3\n\n')).toEqual([
      ['message', '\ufeff', ''],
    ])
  })

  test('lines end in CRLF, LF or CR', () => {
    expect(eventsOf('data:1\r\n\r\ndata:2\n\ndata:3\r\rdata:4\n\rdata:5\r\n\n')).toEqual(
      ['1', '2', '3', '4', '5'].map((data) => ['message', data, '']),
    )
    expect(eventsOf('data:1\rdata:2\r\ndata:3\ndata:4\n\n')).toEqual([['message', '1\n2\n3\n4', '']])
  })

  test('a line that ends in CR is complete before the next chunk comes', () => {
    const found = collect([bytesOf('data:1\r\r')])
    expect(found).toMatchObject([
      { is: 'event', type: 'message', data: '1', lastEventId: '', topic: undefined },
    ])
  })

  test('one LF after a CR at the end of a chunk belongs to it, a second one does not', () => {
    expect(countOf('data:1\r', '\n')).toBe(0)
    expect(countOf('data:1\r', '\n\n')).toBe(1)
    expect(countOf('data:1\r', '', '\n', '\n')).toBe(1)
  })
})

describe('9.2.6, lines', () => {
  test('"initialized to the empty string": a stream without ids has an empty last event ID', () => {
    expect(eventsOf('data\n\n')).toEqual([['message', '', '']])
  })

  test('"If the line starts with a U+003A COLON character (:), ignore the line"', () => {
    expect(eventsOf(':data:1\n: data:2\n:\n::\ndata:3\n:x\n\n')).toEqual([['message', '3', '']])
  })

  test('a comment with a blank line dispatches nothing', () => {
    expect(eventsOf(':\n\n: keep-alive\n\n')).toEqual([])
  })

  test('"Collect the characters [...] before the first U+003A": later colons belong to the value', () => {
    expect(eventsOf('data:a:b: c\n\n')).toEqual([['message', 'a:b: c', '']])
  })

  test('"If value starts with a U+0020 SPACE character, remove it": one, and no other blank', () => {
    expect(eventsOf('data:  a \ndata:\tb\ndata: \ndata:\n\n')).toEqual([['message', ' a \n\tb\n\n', '']])
  })

  test('"using the whole line as the field name, and the empty string as the field value"', () => {
    expect(eventsOf('id:1\nevent:x\ndata\ndata\nid\nevent\n\n')).toEqual([['message', '\n', '']])
    expect(collect([bytesOf('topic\nretry\ndata\n\n')])).toMatchObject([
      { is: 'event', type: 'message', data: '', lastEventId: '', topic: '' },
    ])
  })

  test('"any pending data must be discarded": a block without its blank line, and its id', () => {
    expect(eventsOf('id:1\ndata:1\n\nid:2\ndata:2\n')).toEqual([['message', '1', '1']])
    expect(eventsOf('data:1\n\nid:2\ndata:2')).toEqual([['message', '1', '']])
    expect(eventsOf('data:1')).toEqual([])
  })
})

describe('9.2.6, fields', () => {
  test('"must be compared literally, with no case folding"', () => {
    expect(
      eventsOf('Data:1\nDATA:1\n data:1\ndata :1\ndat:1\ndatas:1\ndata\0:1\ndeta:1\neventx:1\niid:1\n\n'),
    ).toEqual([])
  })

  test('"event": the last one names the type, for this block only', () => {
    expect(eventsOf('event:a\nevent:b\ndata:1\n\ndata:2\n\n')).toEqual([
      ['b', '1', ''],
      ['message', '2', ''],
    ])
  })

  test('"event": an empty one is no type', () => {
    expect(eventsOf('event:a\nevent:\ndata:1\n\n')).toEqual([['message', '1', '']])
  })

  test('"event": a block without data does not pass it on', () => {
    expect(eventsOf('event:a\n\ndata:1\n\n')).toEqual([['message', '1', '']])
  })

  test('"data": "Append the field value to the data buffer, then append a single U+000A"', () => {
    expect(eventsOf('data:1\ndata:\ndata:2\n\n')).toEqual([['message', '1\n\n2', '']])
    expect(eventsOf('data\n\ndata\ndata\n\ndata:')).toEqual([
      ['message', '', ''],
      ['message', '\n', ''],
    ])
  })

  test('"id": persists over the blocks that follow', () => {
    expect(eventsOf('id:1\ndata:a\n\ndata:b\n\nid:2\nid:3\ndata:c\n\n')).toEqual([
      ['message', 'a', '1'],
      ['message', 'b', '1'],
      ['message', 'c', '3'],
    ])
  })

  test('"id": an empty one clears', () => {
    expect(eventsOf('id:1\ndata:a\n\nid\ndata:b\n\n')).toEqual([
      ['message', 'a', '1'],
      ['message', 'b', ''],
    ])
  })

  test('"does not contain U+0000 NULL [...] Otherwise, ignore the field"', () => {
    expect(eventsOf('id:1\nid:2\0\nid:\0\ndata:a\n\nid:\0\ndata:b\n\n')).toEqual([
      ['message', 'a', '1'],
      ['message', 'b', '1'],
    ])
    expect(collect([bytesOf('id:\0\n\n')])).toEqual([])
  })

  test('"retry": "only ASCII digits", at once and in base ten', () => {
    const stream =
      'retry:1500\nretry: 010\nretry:\nretry\nretry:-1\nretry:+1\nretry:1.5\nretry:1e3\nretry:10x\n'
    expect(collect([bytesOf(`${stream}retry:  1\nretry:1 \nretry:0x10\nretry:١\nretry:0`)])).toEqual([
      { is: 'retry', ms: 1500 },
      { is: 'retry', ms: 10 },
    ])
  })

  test('"retry" is clamped, so that no timer overflows', () => {
    const stream = `retry:2147483647\nretry:2147483648\nretry:${'9'.repeat(400)}\nretry:00\n`
    expect(collect([bytesOf(stream)])).toEqual(
      [MAX_RETRY_MS, MAX_RETRY_MS, MAX_RETRY_MS, 0].map((ms) => ({ is: 'retry', ms })),
    )
  })

  test('"Otherwise: The field is ignored"', () => {
    expect(eventsOf('foo:1\nfoo\ndata:1\n\u65e5:\n\n')).toEqual([['message', '1', '']])
  })

  test('"time" and "remove" are extensions as well, of this block only', () => {
    expect(
      collect([
        bytesOf(
          'time: 1\ntime: 2\nremove: true\ndata:1\n\ndata:2\n\nremove: false\ntime\ndata:3\n\nremoved:true\ntimes:x\nremove\ndata:4\n\n',
        ),
      ]).map((finding) => finding.is === 'event' && [finding.time, finding.remove]),
    ).toEqual([
      ['2', true],
      [undefined, false],
      ['', false],
      [undefined, false],
    ])
  })

  test('"key" is an extension as well: the last one, of this block only', () => {
    expect(
      collect([
        bytesOf('key: a\nkey: 42:7\ndata:1\n\nkey:x\n\ndata:2\n\nkey\ndata:3\n\nkeys:x\ndata:4\n\n'),
      ]).map((finding) => finding.is === 'event' && finding.key),
    ).toEqual(['42:7', undefined, '', undefined])
  })

  test('"topic" is the extension: the last one, of this block only', () => {
    expect(
      collect([bytesOf('topic: a\ntopic: orders/42\ndata:1\n\ntopic:x\n\ndata:2\n\n')]).map(
        (finding) => finding.is === 'event' && finding.topic,
      ),
    ).toEqual(['orders/42', undefined])
  })
})

describe('9.2.6, dispatch', () => {
  test('"Set the last event ID string": also by a block without data, and before onEvent', () => {
    expect(collect([bytesOf('id:1\n\nid:2\ndata:a\n\ndata:b\n\n')])).toMatchObject([
      { is: 'id', id: '1' },
      { is: 'id', id: '2' },
      { is: 'event', type: 'message', data: 'a', lastEventId: '2', topic: undefined },
      { is: 'event', type: 'message', data: 'b', lastEventId: '2', topic: undefined },
    ])
  })

  test('"If the data buffer is an empty string [...] return": no event of an event or id alone', () => {
    expect(eventsOf('event:a\n\nid:1\n\nevent:a\nid:2\ntopic:x\n\n\n\n')).toEqual([])
  })

  test('lastEventId follows the blank lines, not the fields', () => {
    const decoder = createDecoder({ onEvent: () => undefined }, { lastEventId: '7' })
    const ids = ['', 'id:8\n', 'data:x\n', '\n', 'id:9\n\n', 'id:10\nid'].map((text) => {
      decoder.push(bytesOf(text))
      return decoder.lastEventId
    })
    decoder.end()
    expect([...ids, decoder.lastEventId]).toEqual(['7', '7', '7', '8', '9', '9', '9'])
  })

  test('lastEventId is up to date inside the callbacks', () => {
    const seen: string[] = []
    const decoder = createDecoder({
      onId: () => seen.push(decoder.lastEventId),
      onEvent: (event) => seen.push(decoder.lastEventId, event.lastEventId),
    })
    decoder.push(bytesOf('id:1\ndata:x\n\n'))
    expect(seen).toEqual(['1', '1', '1'])
  })

  test('an initial lastEventId is that of the events before the first id', () => {
    expect(collect([bytesOf('data:x\n\n')], { lastEventId: '7' })).toMatchObject([{ lastEventId: '7' }])
  })
})

describe('comments', () => {
  test('come without the colon and one space', () => {
    expect(collect([bytesOf(':\n: \n:  a\n:b:c\r\n')])).toEqual(
      ['', '', ' a', 'b:c'].map((text) => ({ is: 'comment', text })),
    )
  })

  test('in pieces come whole', () => {
    expect(collect([':', ' a', 'b', '\nda', 'ta', ':x', '\n\n'].map(bytesOf))).toMatchObject([
      { is: 'comment', text: 'ab' },
      { is: 'event', data: 'x' },
    ])
  })
})

describe('end', () => {
  test('makes the decoder ready for a next stream, byte order mark included', () => {
    const events: string[] = []
    const decoder = createDecoder({ onEvent: (event) => events.push(`${event.type} ${event.data}`) })
    for (const rest of ['event:old\ndata:old\nda', 'data:old\n\r', 'data:\xe9', ':'.repeat(9), '\ufefffoo']) {
      decoder.push(bytesOf(rest))
      decoder.end()
    }
    decoder.push(new Uint8Array([0xe2, 0x82]))
    decoder.end()
    for (const next of ['\ufeffdata:new é', '\n\n']) decoder.push(bytesOf(next))
    expect(events).toEqual(['message old', 'message new é'])
  })
})

describe('a sink that throws', () => {
  test('ends the decoder with its own error', () => {
    const boom = new Error('boom')
    const seen: string[] = []
    const decoder = createDecoder({
      onEvent(event) {
        seen.push(event.data)
        throw boom
      },
    })
    expect(() => decoder.push(bytesOf('id:1\ndata:1\n\ndata:2\n\n'))).toThrow(boom)
    expect(() => decoder.push(bytesOf('data:3\n\n'))).toThrow(boom)
    decoder.end()
    expect(() => decoder.push(bytesOf('data:4\n\n'))).toThrow(boom)
    expect(seen).toEqual(['1'])
    expect(decoder.lastEventId).toBe('1')
  })

  for (const call of ['push', 'end'] as const) {
    test(`or calls ${call} is told so`, () => {
      const decoder = createDecoder({ onEvent: () => decoder[call](bytesOf('\n')) })
      expect(() => decoder.push(bytesOf('data:1\n\n'))).toThrow(
        expect.objectContaining({ code: 'reentrant-call' }),
      )
    })
  }
})

describe('an option out of range is refused', () => {
  for (const maxBufferLength of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 28 + 1]) {
    test(`maxBufferLength ${maxBufferLength}`, () => {
      expect(() => createDecoder({ onEvent: () => undefined }, { maxBufferLength })).toThrow(
        expect.objectContaining({ code: 'invalid-option', details: { option: 'maxBufferLength' } }),
      )
    })
  }
})

test('a WireError is known across copies of the package', () => {
  const brand = Symbol.for('@tailrace/wire.WireError')
  expect(WireError.is(new WireError('buffer-exceeded', 'x'))).toBe(true)
  expect(WireError.is(Object.assign(new Error('x'), { [brand]: true }))).toBe(true)
  expect(WireError.is(new Error('x'))).toBe(false)
  expect(WireError.is({ [brand]: true })).toBe(false)
})
