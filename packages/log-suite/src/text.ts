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
  check('stores every awkward text unchanged', async ({ log }) => {
    const recorded = await recordTail(log)
    const texts = Object.entries(TEXTS)
    let last = 0
    for (const [what, data] of texts) last = await publish(log, 'a', data, { key: what })
    await recorded.reach(last)
    for (const events of [recorded.events, await readAll(log, ['a'])]) {
      const changed = texts.filter(([, data], i) => events[i]?.data !== data)
      expect(changed.map(([what]) => what)).toEqual([])
      expect(events).toHaveLength(texts.length)
    }
  })

  check('stores every well-formed text unchanged', async ({ log }) => {
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

  check('stores trace contexts and their absence unchanged', async ({ log }) => {
    const recorded = await recordTail(log)
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const traces = [{ traceparent, tracestate: 'a=1,b@c=é' }, { traceparent }, undefined]
    await log.append(traces.map((trace) => ({ topic: 'a', data: '', key: 'k', trace })))
    await recorded.reach(await publish(log, 'a', ''))
    for (const events of [recorded.events, await readAll(log, ['a'])]) {
      expect(events.map(({ trace }) => trace)).toEqual([...traces, undefined])
    }
  })

  check('stores type and key and their absence unchanged', async ({ log }) => {
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
  })

  check.with('snapshots', 'returns every text unchanged in snapshots', async ({ log }) => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    const texts = Object.values(TEXTS)
    await log.append(texts.map((data, i) => ({ topic: 'a', data, key: `é😀${i}`, type: 'é', trace })))
    expect(await snapshotAll(log, ['**'])).toEqual(await readAll(log, ['a']))
  })

  check.with('reopen', 'keeps every text when the log is opened again', async ({ log, reopen }) => {
    const texts = Object.values(TEXTS)
    await log.append(texts.map((data) => ({ topic: 'a', data })))
    const events = await readAll(await reopen(), ['a'])
    expect(events.map(({ data }, i) => data === texts[i])).toEqual(texts.map(() => true))
  })
}
