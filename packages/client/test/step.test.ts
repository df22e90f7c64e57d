import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ClientError } from '../src/errors.ts'
import { startState, step } from '../src/step.ts'
import type { Action, Message, Phase, Rules, State, Step } from '../src/step.ts'

const RULES: Rules = {
  initialDelayMs: 100,
  maxDelayMs: 1_000,
  stableAfterMs: 5_000,
  openTimeoutMs: 15_000,
  headers: () => ({}),
}
const PHASES: readonly Phase[] = ['idle', 'opening', 'open', 'failed', 'waiting', 'over']
const ACTIVE: readonly Phase[] = ['opening', 'open']
const BOTH = [true, false]
const NOW = 10_000

const status = (code: number, retryAfter?: string): ClientError =>
  new ClientError('status', 'refused', { details: { status: code, retryAfter } })
const network = new ClientError('network', 'away')
const late = new ClientError('open-timeout', 'late')
const expired = new ClientError('refused-by-server', 'expired', { details: { reason: 'token-expired' } })
const ERRORS = [status(401), status(403), status(503, '2'), network, late, expired]

const MESSAGES: readonly Message[] = [
  ...(
    [
      'start',
      'opened',
      'reading',
      'received',
      'delivered',
      'time',
      'woke',
      'restart',
      'release',
      'close',
    ] as const
  ).map((kind) => ({ kind })),
  { kind: 'terms', terms: { retryMs: 700 } },
  { kind: 'terms', terms: { readTimeoutMs: 0 } },
  { kind: 'ended' },
  ...ERRORS.map((error) => ({ kind: 'ended' as const, error })),
  ...ERRORS.flatMap((error) =>
    ([undefined, 'retry', 'stop', 50] as const).map((decision) => ({
      kind: 'decided' as const,
      error,
      decision,
      chance: 0.5,
    })),
  ),
]

function* states(): Iterable<State> {
  for (const phase of PHASES)
    for (const dueAt of [NOW - 1, NOW + 1, Infinity])
      for (const openedAt of [NOW - 6_000, NOW - 1, Infinity])
        for (const failures of [0, 3])
          for (const wereRefused of BOTH)
            for (const hasRefreshed of BOTH)
              for (const isNeeded of BOTH)
                yield {
                  ...startState(30_000),
                  phase,
                  dueAt,
                  openedAt,
                  failures,
                  wereRefused,
                  hasRefreshed,
                  isNeeded,
                  retryMs: 200,
                }
}

/** For each action, all that must hold where it is taken; written from the words of `Action`, not from the code. */
const MEANINGS: {
  readonly [K in Action['kind']]: (
    before: State,
    message: Message,
    after: State,
    action: Extract<Action, { kind: K }>,
  ) => boolean
} = {
  // There is never a second request beside the first.
  connect: (before, message, after) =>
    (!ACTIVE.includes(before.phase) || message.kind === 'ended') &&
    after.phase === 'opening' &&
    after.isNeeded &&
    after.dueAt === NOW + RULES.openTimeoutMs,
  cut: (before, message, after, { code }) => {
    if (message.kind === 'close') return after.phase === 'over' && code === undefined
    if (!ACTIVE.includes(before.phase)) return false
    if (message.kind === 'restart' || message.kind === 'release') return code === undefined
    const isDue = (message.kind === 'time' || message.kind === 'woke') && before.dueAt <= NOW
    return isDue && code === (before.phase === 'open' ? 'silent' : 'open-timeout')
  },
  decide: (_, message, after, { error }) =>
    message.kind === 'ended' && message.error === error && after.phase === 'failed',
  announce: (before, message, after, { delayMs }) =>
    message.kind === 'decided' &&
    after.phase === 'waiting' &&
    after.dueAt === NOW + delayMs &&
    // The server's wish is heeded, unless the caller or new headers know better.
    (delayMs >= before.retryMs || message.decision === 50 || (before.wereRefused && !before.hasRefreshed)),
  fail: (before, message, after, { error }) =>
    message.kind === 'decided' &&
    message.error === error &&
    after.phase === 'over' &&
    (message.decision === 'stop' ||
      (message.decision === undefined &&
        !before.wereRefused &&
        error.code === 'status' &&
        error.status !== 503)),
}

test('in every situation, whatever comes leads to a legal state by a legal action', () => {
  let count = 0
  const seen = new Set<string>()
  for (const before of states()) {
    for (const message of MESSAGES) {
      const [after, action] = step(before, message, NOW, RULES)
      const situation = { before, message, after, action }
      if (before.phase === 'over')
        expect(situation).toEqual({ ...situation, after: before, action: undefined })
      if (action !== undefined) {
        const isMeant = MEANINGS[action.kind] as (...given: unknown[]) => boolean
        if (!isMeant(before, message, after, action)) expect.fail(JSON.stringify(situation))
        seen.add(action.kind)
      }
      // Whatever has no clock of its own is not woken by one that was left.
      const isTimed = /opening|open|waiting/.test(after.phase) || after.phase === before.phase
      if (!isTimed && after.dueAt < Infinity) expect.fail(JSON.stringify(situation))
      count += 1
    }
  }
  expect(count).toBe(6 * 3 * 3 * 2 * 2 * 2 * 2 * MESSAGES.length)
  expect([...seen].toSorted()).toEqual(['announce', 'connect', 'cut', 'decide', 'fail'])
})

const open: State = { ...startState(30_000), phase: 'open', isNeeded: true, openedAt: NOW - 1 }
const opening: State = { ...open, phase: 'opening', dueAt: NOW + 1, openedAt: Infinity }
const waiting: State = { ...open, phase: 'waiting', dueAt: NOW + 1 }

test.each<[string, State, Message, Partial<State>, Action['kind'] | undefined]>([
  ['a stream that does not begin in time is cut', { ...opening, dueAt: NOW }, { kind: 'time' }, {}, 'cut'],
  ['one that has begun is open', opening, { kind: 'opened' }, { phase: 'open', openedAt: NOW }, undefined],
  ['bytes are due within the read timeout', open, { kind: 'reading' }, { dueAt: NOW + 30_000 }, undefined],
  [
    'with no read timeout, never',
    { ...open, readTimeoutMs: 0 },
    { kind: 'reading' },
    { dueAt: Infinity },
    undefined,
  ],
  [
    'while bytes are handed on, none are due',
    { ...open, dueAt: NOW + 1 },
    { kind: 'received' },
    { dueAt: Infinity },
    undefined,
  ],
  [
    'what was delivered starts the delays over',
    { ...open, failures: 3 },
    { kind: 'delivered' },
    { failures: 0 },
    undefined,
  ],
  [
    'one that holds starts them over, too',
    { ...open, failures: 3, openedAt: 0 },
    { kind: 'ended', error: network },
    { failures: 0, phase: 'failed' },
    'decide',
  ],
  [
    'one that does not, does not',
    { ...open, failures: 3 },
    { kind: 'ended', error: network },
    { failures: 3 },
    'decide',
  ],
  [
    'a refusal has the headers refreshed',
    open,
    { kind: 'ended', error: status(401) },
    { wereRefused: true },
    'decide',
  ],
  [
    'a second one does not',
    { ...open, wereRefused: true },
    { kind: 'ended', error: status(401) },
    { wereRefused: false },
    'decide',
  ],
  ['waking does not wait', waiting, { kind: 'woke' }, { phase: 'opening' }, 'connect'],
  ['time that is not up changes nothing', waiting, { kind: 'time' }, waiting, undefined],
  ['a restart does not wait', waiting, { kind: 'restart' }, { phase: 'opening' }, 'connect'],
  [
    'a restart of an open stream ends it',
    open,
    { kind: 'restart' },
    { phase: 'open', isNeeded: true },
    'cut',
  ],
  ['and is followed by the next', open, { kind: 'ended' }, { phase: 'opening' }, 'connect'],
  [
    'one that was released is not',
    { ...open, isNeeded: false },
    { kind: 'ended' },
    { phase: 'idle' },
    undefined,
  ],
])('%s', (_, state, message, after, action) => {
  const [next, taken] = step(state, message, NOW, RULES)
  expect({ state: next, action: taken?.kind }).toMatchObject({ state: after, action })
})

test('whatever happens, a feed that is needed comes to another attempt, and never to two at once', () => {
  const given = fc.array(fc.record({ message: fc.constantFrom(...MESSAGES), afterMs: fc.nat(40_000) }), {
    maxLength: 60,
  })
  const property = fc.property(given, (script) => {
    let now = 0
    let state = startState(30_000)
    let isUnderWay = false
    let isCut = false
    const send = (message: Message): void => {
      let taken: Step[1]
      ;[state, taken] = step(state, message, now, RULES)
      if (taken?.kind === 'connect') {
        expect(isUnderWay).toBe(false)
        isUnderWay = true
        isCut = false
      } else if (taken?.kind === 'cut') isCut = isUnderWay
      else if (taken?.kind === 'decide')
        send({ kind: 'decided', error: taken.error, decision: 'retry', chance: 1 })
    }
    const end = (error?: ClientError): void => {
      isUnderWay = false
      send({ kind: 'ended', error })
    }
    send({ kind: 'start' })
    for (const { message, afterMs } of script) {
      now += afterMs
      if (message.kind === 'close' || message.kind === 'decided') continue
      const isOfAttempt = ['opened', 'reading', 'received', 'delivered'].includes(message.kind)
      if (message.kind === 'ended') {
        if (isUnderWay) end(isCut ? undefined : message.error)
      } else if (!isOfAttempt || isUnderWay) send(message)
    }
    send({ kind: 'start' })
    if (isUnderWay && isCut) end()
    if (!isUnderWay) {
      now = Math.max(now, state.dueAt)
      send({ kind: 'time' })
    }
    expect(isUnderWay).toBe(true)
    expect(state.isNeeded).toBe(true)
  })
  fc.assert(property, { numRuns: 3_000 })
})
