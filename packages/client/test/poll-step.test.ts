import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HistoryEvent, Page } from '../src/page.ts'
import { pollStep, startPolling } from '../src/poll-step.ts'

const event = (n: number, more: Partial<HistoryEvent> = {}): HistoryEvent => ({
  id: `e.${n}`,
  topic: 't',
  time: '2026-01-01T00:00:00Z',
  data: String(n),
  ...more,
})
const page = (events: readonly HistoryEvent[], next: string): Page => ({ kind: 'page', events, next })
const gap = (reason: string): Page => ({ kind: 'gap', reason, from: 'e.3', oldest: 'e.5' })

test('in every situation, a page brings what a stream would, and says where and how to go on', () => {
  let count = 0
  for (const from of ['now', 'e.3'])
    for (const isLive of [true, false])
      for (const isOfOne of [true, false])
        for (const known of ['', 'e.6'])
          for (const answer of [
            page([event(5), event(7)], 'e.7'),
            page([], 'e.7'),
            gap('expired'),
            gap('epoch'),
          ]) {
            const state = { ...startPolling(from, isOfOne), isLive, known, waitS: isLive ? 25 : 0 }
            const [next, brought] = pollStep(state, answer)
            const types = brought.map(({ type }) => type)
            if (answer.kind === 'gap') {
              expect(types).toEqual(['tailrace.gap'])
              expect(next).toMatchObject({
                from: 'start',
                waitS: 0,
                known: answer.reason === 'expired' ? from : '',
              })
            } else if (answer.events.length === 0) {
              expect(types).toEqual(isLive ? [] : ['tailrace.live'])
              expect(next).toMatchObject({ from: 'e.7', isLive: true })
              expect(next.waitS).toBeGreaterThan(0)
            } else {
              expect(brought.map(({ data }) => data)).toEqual(known === '' ? ['5', '7'] : ['7'])
              expect(brought.every(({ topic }) => (topic === undefined) === isOfOne)).toBe(true)
              expect(next).toMatchObject({ from: 'e.7', isLive })
            }
            count += 1
          }
  expect(count).toBe(2 * 2 * 2 * 2 * 4)
})

test('an event of a page has the key, the removal and the time that it was stored with', () => {
  const state = startPolling('e.4', true)
  const [, brought] = pollStep(state, page([event(5), event(6, { key: 'k', remove: true, data: '' })], 'e.6'))
  const time = '2026-01-01T00:00:00Z'
  expect(brought).toMatchObject([
    { key: undefined, remove: false, time },
    { key: 'k', remove: true, time, data: '' },
  ])
})

test('however a log is cut into pages, all of it comes once and in order', () => {
  const property = fc.property(
    fc.nat(40),
    fc.infiniteStream(fc.integer({ min: 1, max: 6 })),
    (length, sizes) => {
      const log = Array.from({ length }, (_, i) => event(i + 1))
      let state = startPolling('start', true)
      const seen: string[] = []
      while (!state.isLive) {
        const first = state.from === 'start' ? 0 : Number(state.from.slice(2))
        const events = log.slice(first, first + sizes.next().value!)
        const [next, brought] = pollStep(state, page(events, events.at(-1)?.id ?? `e.${first}`))
        seen.push(...brought.filter(({ type }) => type === 'message').map(({ data }) => data))
        state = next
      }
      expect(seen).toEqual(log.map(({ data }) => data))
    },
  )
  fc.assert(property)
})
