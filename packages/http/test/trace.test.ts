import { parseTraceContext } from '../src/trace.ts'
import { describe, expect, test } from 'vitest'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const GOOD = `00-${ID}-01`

test.each([
  ['one of version 00', GOOD],
  ['one that is not sampled', `00-${ID}-00`],
  ['flags of later versions', `00-${ID}-ff`],
  ['a later version that says no more', `cc-${ID}-01`],
])('a traceparent is passed on as it is: %s', (_, traceparent) => {
  expect(parseTraceContext(traceparent, undefined)).toEqual({ traceparent })
})

test.each([
  ['nothing', ''],
  ['a version that is none', `ff-${ID}-01`],
  ['capitals', GOOD.toUpperCase()],
  ['a trace of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['a parent of zeros', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`],
  ['more than version 00 has', `${GOOD}-x`],
  ['less', GOOD.slice(0, -1)],
  ['two of them', `${GOOD}, ${GOOD}`],
  ['a line feed at its end', `${GOOD}\n`],
  ['spaces around it', ` ${GOOD} `],
])('a traceparent is ignored, and its tracestate with it: %s', (_, traceparent) => {
  expect(parseTraceContext(traceparent, 'a=1')).toBeUndefined()
})

describe('a tracestate', () => {
  test.each([
    ['one member', 'rojo=00f067aa0ba902b7'],
    ['several, with white space', 'rojo=1 ,\tcongo=t61rcWkgMzE'],
    ['tenants', 'fw529a3039@dt=FfAz'],
    ['empty members', 'a=1,,b=2,'],
    ['spaces in a value', 'a=b c'],
    ['as many as there may be', Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(',')],
    ['as long as it may be', `a=${'x'.repeat(254)},b=${'x'.repeat(253)}`],
  ])('is passed on as it is: %s', (_, tracestate) => {
    expect(parseTraceContext(GOOD, tracestate)).toEqual({ traceparent: GOOD, tracestate })
  })

  test.each([
    ['no value', 'a'],
    ['a key with a capital', 'A=1'],
    ['a line feed', 'a=1\nid: forged'],
    ['a carriage return in white space', 'a=1,\rb=2'],
    ['what is not ASCII', 'a=é'],
    ['too many', Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(',')],
    ['too long', `a=${'x'.repeat(254)},b=${'x'.repeat(254)}`],
    ['a value that is too long', `a=${'x'.repeat(257)}`],
  ])('is left out, and the traceparent passed on: %s', (_, tracestate) => {
    expect(parseTraceContext(GOOD, tracestate)).toEqual({ traceparent: GOOD })
  })
})
