import { MAX_HANDED_BYTES } from '@tailrace/hub'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame } from '../src/window.ts'
import { runOf, Window } from '../src/window.ts'
import type { Place } from '../src/window.ts'

const KIB = 1024

function frame(offset: number, length: number): Frame {
  return { offset, bytes: Buffer.alloc(length, offset % 251) }
}

function at(offset: number): Place {
  return { offset, partial: undefined }
}

/** Fills a window with the frames 1 to `count`. */
function filled(count: number, length: number, maxBytes: number): Window {
  const window = new Window(0, maxBytes)
  for (let offset = 1; offset <= count; offset += 1) window.push(frame(offset, length))
  return window
}

describe('what a window holds', () => {
  test('an empty window starts and ends where it was made', () => {
    const window = new Window(7, 100)
    expect([window.start, window.tip]).toEqual([7, 7])
  })

  test('a window that is not full holds every frame', () => {
    const window = filled(10, 10, 100)
    expect([window.start, window.tip]).toEqual([0, 10])
    expect(window.after(at(0))!.bytes).toHaveLength(100)
  })

  test('a full window drops the oldest frames, and no more than it must', () => {
    const window = filled(11, 10, 100)
    expect([window.start, window.tip]).toEqual([1, 11])
    expect(window.after(at(1))!.bytes).toHaveLength(100)
  })

  test('a frame larger than the whole window is held until the next', () => {
    const window = filled(3, 10, 100)
    window.push(frame(4, 500))
    expect([window.start, window.tip]).toEqual([3, 4])
    window.push(frame(5, 10))
    expect([window.start, window.tip]).toEqual([4, 5])
  })

  test('what it holds never exceeds its bound by more than its newest frame', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 })), fc.nat(120), (lengths, maxBytes) => {
        const window = new Window(0, maxBytes)
        for (const [i, length] of lengths.entries()) {
          window.push(frame(i + 1, length))
          const held = window.after(at(window.start))!.bytes.length
          const newest = lengths.slice(window.start, i + 1)
          expect(held).toBe(newest.reduce((sum, one) => sum + one, 0))
          expect(held <= maxBytes || newest.length === 1).toBe(true)
          const withOneMore = held + (lengths[window.start - 1] ?? Number.POSITIVE_INFINITY)
          expect(withOneMore).toBeGreaterThan(maxBytes)
        }
      }),
    )
  })

  test('a cleared window holds nothing, and goes on from where it was cleared', () => {
    const window = filled(5, 10, 100)
    window.after(at(0))!
    window.clear(9)
    expect([window.start, window.tip]).toEqual([9, 9])
    window.push(frame(10, 3))
    expect(window.after(at(9))!).toEqual({ bytes: frame(10, 3).bytes, place: at(10), events: 1 })
  })
})

describe('what a reader is given', () => {
  test('readers at the same place are given the same bytes', () => {
    const window = filled(5, 10, 100)
    expect(window.after(at(2))!.bytes).toBe(window.after({ offset: 2, partial: undefined })!.bytes)
  })

  test('readers within the same frame are given the same bytes', () => {
    const window = filled(1, 200 * KIB, KIB * KIB)
    const first = window.after(at(0))!
    const second = window.after(first.place)!
    expect(window.after(first.place)).toBe(second)
    expect(window.after(second.place)).toBe(window.after(second.place))
    window.push(frame(2, 10))
    expect(window.after(first.place)).not.toBe(second)
  })

  test('a single frame is not copied', () => {
    const window = new Window(0, 100)
    const only = frame(1, 10)
    window.push(only)
    expect(window.after(at(0))!.bytes).toBe(only.bytes)
  })

  test('bytes that were shared do not hide a frame that came after', () => {
    const window = filled(2, 10, 100)
    window.after(at(0))!
    window.push(frame(3, 10))
    expect(window.after(at(0))!.place.offset).toBe(3)
  })

  test('a place between two offsets continues with the larger one', () => {
    const window = new Window(0, 100)
    window.push(frame(10, 4))
    window.push(frame(20, 6))
    expect(window.after(at(15))!).toEqual({ bytes: frame(20, 6).bytes, place: at(20), events: 1 })
  })

  test('a run holds whole frames and at most what a sink takes', () => {
    const window = filled(10, 20 * KIB, KIB * KIB)
    const run = window.after(at(0))!
    expect(run).toMatchObject({ place: at(3) })
    expect(run.bytes).toHaveLength(60 * KIB)
  })

  test('a run may be exactly as large as a sink takes', () => {
    const run = filled(3, MAX_HANDED_BYTES, KIB * KIB).after(at(0))!
    expect(run.place).toEqual(at(1))
    expect(run.bytes).toHaveLength(MAX_HANDED_BYTES)
  })

  test('a larger frame is begun, continued and finished together with what follows', () => {
    const window = new Window(0, KIB * KIB)
    const large: Frame = { offset: 1, bytes: Buffer.from('x'.repeat(150 * KIB)) }
    window.push(large)
    window.push(frame(2, KIB))
    const first = window.after(at(0))!
    expect(first.place).toEqual({ offset: 0, partial: { offset: 1, sent: 64 * KIB } })
    const second = window.after(first.place)!
    expect(second.place).toEqual({ offset: 0, partial: { offset: 1, sent: 128 * KIB } })
    const third = window.after(second.place)!
    expect(third.place).toEqual(at(2))
    expect(Buffer.concat([first.bytes, second.bytes, third.bytes])).toEqual(
      Buffer.concat([large.bytes, frame(2, KIB).bytes]),
    )
  })

  test('a large frame waits until nothing else comes before it', () => {
    const window = new Window(0, KIB * KIB)
    window.push(frame(1, KIB))
    window.push(frame(2, 100 * KIB))
    expect(window.after(at(0))!.place).toEqual(at(1))
  })

  test('a frame that was begun and is gone cannot be continued', () => {
    const begun: Place = { offset: 0, partial: { offset: 1, sent: 10 } }
    expect(runOf([], 0, begun)).toBeUndefined()
    expect(runOf([frame(2, 100)], 0, begun)).toBeUndefined()
  })

  test('run by run, a reader gets the bytes of all frames, whatever their sizes', () => {
    const lengths = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 * KIB })),
      {
        maxLength: 12,
      },
    )
    fc.assert(
      fc.property(lengths, (all) => {
        const frames = all.map((length, i) => frame(i + 1, length))
        const window = new Window(0, Number.MAX_SAFE_INTEGER)
        for (const one of frames) window.push(one)
        const runs: Uint8Array[] = []
        let place = at(0)
        while (place.offset < window.tip) {
          const run = window.after(place)!
          expect(run.bytes.length).toBeGreaterThan(0)
          expect(run.bytes.length).toBeLessThanOrEqual(MAX_HANDED_BYTES)
          runs.push(run.bytes)
          place = run.place
        }
        expect(Buffer.concat(runs).equals(Buffer.concat(frames.map(({ bytes }) => bytes)))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })
})
