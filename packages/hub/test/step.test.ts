import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Frame } from '../src/window.ts'
import { nextStep } from '../src/step.ts'
import type { Progress, Source, Step, View } from '../src/step.ts'
import { Window } from '../src/window.ts'
import type { Place } from '../src/window.ts'

const PLACES = [0, 1, 2, 3]
const SOURCES: readonly Source[] = ['snapshot', 'log']

function* situations(): Iterable<{ progress: Progress; view: View }> {
  for (const source of SOURCES)
    for (const owesGap of [true, false])
      for (const isLive of [true, false])
        for (const offset of PLACES)
          for (const start of PLACES)
            for (const tip of PLACES.filter((one) => one >= start))
              for (const endsAt of [undefined, ...PLACES])
                yield { progress: { source, offset, owesGap, isLive }, view: { start, tip, endsAt } }
}

/** For each step, all that must hold; written from the words of `Step`, not from the code. */
const MEANINGS: { readonly [K in Step]: (progress: Progress, view: View) => boolean } = {
  replay: ({ source, offset, owesGap }, { start }) => owesGap || source === 'snapshot' || offset < start,
  send: ({ source, offset, owesGap }, { start, tip }) =>
    !owesGap && source === 'log' && offset >= start && offset < tip,
  announce: ({ source, offset, owesGap, isLive }, { start, tip }) =>
    !owesGap && source === 'log' && !isLive && offset >= start && offset >= tip,
  end: ({ source, offset, owesGap, isLive }, { start, tip, endsAt }) =>
    !owesGap &&
    source === 'log' &&
    isLive &&
    offset >= start &&
    offset >= tip &&
    endsAt !== undefined &&
    offset >= endsAt,
  wait: ({ source, offset, owesGap, isLive }, { start, tip, endsAt }) =>
    !owesGap &&
    source === 'log' &&
    isLive &&
    offset >= start &&
    offset >= tip &&
    !(endsAt !== undefined && offset >= endsAt),
}

test('every situation has exactly one step, and it is the one that is due', () => {
  let count = 0
  const taken = new Set<Step>()
  for (const { progress, view } of situations()) {
    const due = (Object.keys(MEANINGS) as Step[]).filter((step) => MEANINGS[step](progress, view))
    expect({ progress, view, due }).toEqual({ progress, view, due: [nextStep(progress, view)] })
    taken.add(due[0]!)
    count += 1
  }
  expect(count).toBe(2 * 2 * 2 * 4 * 10 * 5)
  expect(taken.size).toBe(5)
})

const behindTheWindow: Progress = { source: 'log', offset: 1, owesGap: false, isLive: true }
test.each<[string, Partial<Progress>, Partial<View>, Step]>([
  ['a reader behind the window replays', {}, {}, 'replay'],
  ['a reader at its start is sent what follows', { offset: 2 }, {}, 'send'],
  ['a reader at its tip waits', { offset: 4 }, {}, 'wait'],
  ['a reader ahead of its tip waits', { offset: 9 }, {}, 'wait'],
  ['a reader at the tip for the first time is told so', { offset: 4, isLive: false }, {}, 'announce'],
  ['a gap comes before all else', { offset: 4, isLive: false, owesGap: true }, { endsAt: 1 }, 'replay'],
  ['a snapshot is read wherever the window is', { offset: 3, source: 'snapshot' }, {}, 'replay'],
  ['a reader within the window is sent what follows before live', { offset: 2, isLive: false }, {}, 'send'],
  ['the end is told at the end', { offset: 4 }, { endsAt: 4 }, 'end'],
  ['the end is not told before what precedes it', { offset: 3 }, { endsAt: 3 }, 'send'],
  ['live is told before the end', { offset: 4, isLive: false }, { endsAt: 4 }, 'announce'],
])('%s', (_, progress, view, step) => {
  const given: View = { start: 2, tip: 4, endsAt: undefined, ...view }
  expect(nextStep({ ...behindTheWindow, ...progress }, given)).toBe(step)
})

test('however pushes, evictions and pages interleave, a reader gets every event once and in order', () => {
  const actions = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), hole: fc.nat(2) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('step' as const), page: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const) }) },
  )
  const property = fc.property(
    fc.array(actions, { maxLength: 80 }),
    fc.integer({ min: 0, max: 60 }),
    fc.nat(6),
    (script, windowBytes, start) => {
      const log: number[] = []
      const window = new Window(0, windowBytes)
      const seen: number[] = []
      const told: number[] = []
      let head = 0
      let place: Place = { offset: start, partial: undefined }
      let isLive = false

      const step = (pageSize: number): Step => {
        const view = { start: window.start, tip: window.tip, endsAt: undefined }
        const due = nextStep({ source: 'log', offset: place.offset, owesGap: false, isLive }, view)
        if (due === 'replay') {
          const rest = log.filter((offset) => offset > place.offset)
          const page = rest.slice(0, pageSize)
          seen.push(...page)
          place = { offset: rest.length > page.length ? page.at(-1)! : head, partial: undefined }
        } else if (due === 'send') {
          const run = window.after(place)!
          seen.push(...offsetsIn(run.bytes))
          place = run.place
        } else if (due === 'announce') {
          told.push(place.offset)
          isLive = true
        }
        return due
      }

      for (const action of script) {
        if (action.kind === 'push') {
          head += 1 + action.hole
          log.push(head)
          window.push(frame(head))
        } else if (action.kind === 'purge') window.clear(head)
        else step(action.page)
      }
      // Each step gets further, so that this many are enough.
      for (let i = 0; i < 500 && step(2) !== 'wait'; i += 1);
      expect(step(2)).toBe('wait')
      expect(seen).toEqual(log.filter((offset) => offset > start))
      expect(told).toHaveLength(1)
    },
  )
  fc.assert(property, { numRuns: 3_000 })
})

function frame(offset: number): Frame {
  return { offset, bytes: Buffer.from(`${offset};`) }
}

function offsetsIn(bytes: Uint8Array): number[] {
  return Buffer.from(bytes).toString().split(';').slice(0, -1).map(Number)
}
