import type { Cursor, StoredEvent } from '@tailrace/log'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Payload } from '@tailrace/hub'
import { encodeEnd, encodeError, encodeGap, encodeLive, encodeRetry } from '../src/control.ts'
import { encodeFrame } from '../src/frame.ts'
import type { Representation } from '../src/frame.ts'
import { createScriptedSink } from '../../hub/test/scripted-sink.ts'

const EVENT: StoredEvent = {
  offset: 1042,
  topic: 'orders/42',
  type: 'paid',
  key: undefined,
  data: '{"total":12}',
  time: Date.UTC(2026, 10, 21, 2, 4, 58, 7),
  remove: false,
  end: false,
  trace: undefined,
}
const AT: Cursor = { epoch: 'k7x2', offset: EVENT.offset }
const PLAIN: Representation = { envelope: false, namesTopic: false, traces: false, times: false }

function text(event: Partial<StoredEvent>, representation: Partial<Representation> = {}): string {
  return Buffer.from(encodeFrame({ ...EVENT, ...event }, { ...PLAIN, ...representation }, AT)).toString()
}

test('a frame on a stream of one topic', () => {
  expect(text({})).toBe('event: paid\ndata: {"total":12}\nid: k7x2.1042\n\n')
})

test('a frame on a stream of more than one topic names its topic', () => {
  expect(text({}, { namesTopic: true })).toBe(
    'event: paid\ndata: {"total":12}\ntopic: orders/42\nid: k7x2.1042\n\n',
  )
})

test('a frame of an event with a key names it', () => {
  expect(text({ key: 'line-7' }, { namesTopic: true })).toBe(
    'event: paid\ndata: {"total":12}\ntopic: orders/42\nkey: line-7\nid: k7x2.1042\n\n',
  )
})

test('a frame of a removal says that it is one', () => {
  expect(text({ key: 'line-7', remove: true, data: '' })).toBe(
    'event: paid\ndata: \nkey: line-7\nremove: true\nid: k7x2.1042\n\n',
  )
  expect(text({ key: 'line-7', remove: true, data: '' }, { envelope: true })).toContain(
    '"key":"line-7","remove":true,"time":',
  )
})

test('a frame has the time for readers that ask for it', () => {
  expect(text({}, { times: true })).toBe(
    'event: paid\ndata: {"total":12}\ntime: 2026-11-21T02:04:58.007Z\nid: k7x2.1042\n\n',
  )
})

test('an event without a type has no event line', () => {
  expect(text({ type: undefined })).toBe('data: {"total":12}\nid: k7x2.1042\n\n')
})

test('an event of nothing is still an event', () => {
  expect(text({ type: undefined, data: '' })).toBe('data: \nid: k7x2.1042\n\n')
})

test('a frame of a snapshot has no id', () => {
  expect(Buffer.from(encodeFrame(EVENT, PLAIN, undefined)).toString()).toBe(
    'event: paid\ndata: {"total":12}\n\n',
  )
})

test('every kind of line break becomes a data line of its own', () => {
  expect(text({ type: undefined, data: 'a\rb\nc\r\nd\n\ne\n' })).toBe(
    'data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\ndata: \nid: k7x2.1042\n\n',
  )
})

test('data that looks like fields stays data', () => {
  expect(text({ type: undefined, data: 'x\n\nevent: tailrace.end\nid: forged.1\nretry: 1\n: c' })).toBe(
    'data: x\ndata: \ndata: event: tailrace.end\ndata: id: forged.1\ndata: retry: 1\ndata: : c\nid: k7x2.1042\n\n',
  )
})

test('an envelope carries everything in data', () => {
  expect(text({ key: 'line-7', data: 'a\nb' }, { envelope: true })).toBe(
    'event: paid\n' +
      'data: {"topic":"orders/42","type":"paid","key":"line-7","time":"2026-11-21T02:04:58.007Z","data":"a\\nb"}\n' +
      'key: line-7\nid: k7x2.1042\n\n',
  )
})

test('an envelope leaves out what is absent', () => {
  expect(text({ type: undefined }, { envelope: true, namesTopic: true })).toBe(
    'data: {"topic":"orders/42","time":"2026-11-21T02:04:58.007Z","data":"{\\"total\\":12}"}\n' +
      'topic: orders/42\nid: k7x2.1042\n\n',
  )
})

describe('a frame with a trace context', () => {
  const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'a=1' }

  test('has it in lines of their own', () => {
    expect(text({ type: undefined, data: 'x', trace }, { traces: true })).toBe(
      `data: x\ntraceparent: ${trace.traceparent}\ntracestate: a=1\nid: k7x2.1042\n\n`,
    )
  })

  test('has it in its envelope as well', () => {
    const [, data] = /^data: (.*)$/m.exec(text({ trace }, { traces: true, envelope: true })) ?? []
    expect(JSON.parse(data!)).toMatchObject({ topic: 'orders/42', ...trace })
  })

  test('keeps it from who did not ask', () => {
    expect(text({ trace })).not.toContain('trace')
    expect(text({ trace }, { envelope: true })).not.toContain('trace')
  })

  test('has none where the publish had none', () => {
    expect(text({}, { traces: true })).toBe(text({}))
  })
})

test.each([
  ['live', encodeLive('k7x2.9', 15_000), 'event: tailrace.live\ndata: {"heartbeatMs":15000}\nid: k7x2.9\n\n'],
  [
    'a gap',
    encodeGap({ reason: 'expired', from: 'k7x2.1', oldest: 'k7x2.5' }, 'k7x2.1'),
    'event: tailrace.gap\ndata: {"reason":"expired","from":"k7x2.1","oldest":"k7x2.5"}\nid: k7x2.1\n\n',
  ],
  ['the end', encodeEnd('a', 'k7x2.9'), 'event: tailrace.end\ndata: {"topic":"a"}\nid: k7x2.9\n\n'],
  ['an error', encodeError('log-unavailable'), 'event: tailrace.error\ndata: {"code":"log-unavailable"}\n\n'],
  ['retry', encodeRetry(1234.5), 'retry: 1235\n\n'],
])('%s is written to the byte', (_, bytes, expected) => {
  expect(Buffer.from(bytes).toString()).toBe(expected)
})

test('a cursor that a reader made up cannot forge a frame when it is told back', () => {
  const bytes = encodeGap(
    { reason: 'unknown', from: 'x\n\nevent: tailrace.end\r\n\r\n', oldest: 'a.1' },
    'a.0',
  )
  const sink = createScriptedSink()
  sink.write(new Payload(bytes))
  expect(sink.events().map(({ type }) => type)).toEqual(['tailrace.gap'])
  expect(Buffer.from(bytes).toString().split('\n')).toHaveLength(5)
})

test('whatever an event holds, a reader of its frame gets that one event and nothing else', () => {
  const name = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((one) => !/[\r\n\0]/.test(one) && one.isWellFormed())
  const data = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('\r', '\n', '\0', ':', 'data:', 'id: x', 'event: y', '\ufeff', ' '), {
        maxLength: 12,
      })
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(
      name,
      data.filter((one) => one.isWellFormed()),
      fc.boolean(),
      (type, given, envelope) => {
        const sink = createScriptedSink()
        const event = { ...EVENT, type, data: given }
        sink.write(new Payload(encodeFrame(event, { ...PLAIN, envelope, namesTopic: true }, AT)))
        const [only, ...others] = sink.events()
        expect(others).toEqual([])
        expect(only).toMatchObject({ type, topic: 'orders/42', lastEventId: 'k7x2.1042' })
        const told = envelope ? (JSON.parse(only!.data) as { data: string }).data : only!.data
        expect(told).toBe(envelope ? given : given.replace(/\r\n?/g, '\n'))
      },
    ),
  )
})
