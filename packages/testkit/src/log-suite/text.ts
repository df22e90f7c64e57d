import * as fc from 'fast-check'
import { expect } from 'vitest'

import { recordTail } from './listener.ts'
import { publish, readAll, snapshotAll } from './reading.ts'
import type { Check } from './subject.ts'

const TEXTS: Readonly<Record<string, string>> = {
  'no text at all': '',
  'a NUL': 'before\0after',
  'nothing but a NUL': '\0',
  'CR LF, CR and LF': 'a\r\nb\rc\nd\n\n',
  emoji: '👩‍👩‍👧 😀',
  'a byte order mark': '\ufeffdata\ufeff',
  'noncharacters and the last code point': '\ufffe\uffff\u{10ffff}',
  'both ways to write é': 'é e\u0301',
  JSON: '{"a":"\\u0000\\n"}',
  SQL: `'; DROP TABLE events; --`,
  'a mebibyte': 'x'.repeat(2 ** 20),
  'a mebibyte of four-byte characters': '😀'.repeat(2 ** 18),
}

export function testText(check: Check): void {
  check('passes on every awkward text as it is', async ({ log }) => {
    const recorded = await recordTail(log)
    const texts = Object.entries(TEXTS)
    for (const [what, data] of texts) await publish(log, 'a', data, { key: what })
    for (const events of [recorded.events, await readAll(log, ['a']), await snapshotAll(log, ['**'])]) {
      const changed = texts.filter(([, data], i) => events[i]?.data !== data)
      expect(changed.map(([what]) => what)).toEqual([])
      expect(events).toHaveLength(texts.length)
    }
  })

  check('passes on every well-formed text as it is', async ({ log }) => {
    const text = fc.string({ unit: 'binary', maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 20 }), async (texts) => {
        const { newest } = await log.describe()
        await log.append(texts.map((data) => ({ topic: 'a', data })))
        const events = await readAll(log, ['a'], { after: newest })
        expect(events.map(({ data }) => data)).toEqual(texts)
      }),
      { numRuns: 40 },
    )
  })

  check('passes on trace contexts as they are, and their absence', async ({ log }) => {
    const recorded = await recordTail(log)
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const traces = [{ traceparent, tracestate: 'a=1,b@c=é' }, { traceparent }, undefined]
    await log.append(traces.map((trace) => ({ topic: 'a', data: '', key: 'k', trace })))
    await log.append([{ topic: 'a', data: '' }])
    for (const events of [recorded.events, await readAll(log, ['a'])]) {
      expect(events.map(({ trace }) => trace)).toEqual([...traces, undefined])
    }
    expect((await snapshotAll(log, ['a'])).map(({ trace }) => trace)).toEqual([undefined])
  })

  check('passes on type and key as they are, and their absence', async ({ log }) => {
    const texts = ['é', 'e\u0301', '😀', ' a b ', "'", '\u{10ffff}', 'x'.repeat(1000)]
    await log.append([
      ...texts.map((text) => ({ topic: 'a', data: '', type: text, key: text })),
      { topic: 'a', data: '' },
      { topic: 'a', data: '', type: undefined, key: undefined, end: undefined },
    ])
    const events = await readAll(log, ['a'])
    expect(events.map(({ type, key }) => [type, key])).toEqual([
      ...texts.map((text) => [text, text]),
      [undefined, undefined],
      [undefined, undefined],
    ])
    expect((await snapshotAll(log, ['a'])).map(({ key }) => key)).toEqual(texts)
  })

  check.with('reopen', 'keeps every text when it is opened again', async ({ log, reopen }) => {
    const texts = Object.values(TEXTS)
    await log.append(texts.map((data) => ({ topic: 'a', data })))
    const events = await readAll(await reopen(), ['a'])
    expect(events.map(({ data }, i) => data === texts[i])).toEqual(texts.map(() => true))
  })
}
