import * as fc from 'fast-check'
import type { DecodedEvent } from '@tailrace/wire'
import { expect, test } from 'vitest'
import type { TabMessage } from '../src/tab-message.ts'
import { startTab, tabStep } from '../src/tabs-step.ts'
import type { Role, Surroundings, TabAction, TabEvent, TabState } from '../src/tabs-step.ts'

const ROLES: readonly Role[] = ['newcomer', 'follower', 'behind', 'leader']
const BOTH = [true, false]

const decoded = (n: number, type = 'message'): DecodedEvent => ({
  type,
  data: String(n),
  lastEventId: `e.${n}`,
  topic: undefined,
  key: undefined,
  remove: false,
  time: undefined,
})
const error = { code: 'network' as const, message: 'away', details: {} }

const HEARD: readonly TabMessage[] = [
  { kind: 'ping' },
  ...['e.3', 'e.5', 'e.7', '', undefined].flatMap((place) =>
    BOTH.map((isLive) => ({ kind: 'pong' as const, place, isLive })),
  ),
  ...['e.3', 'e.5', 'e.7', undefined].flatMap((after) =>
    [decoded(6), decoded(8), decoded(5, 'tailrace.live')].map((event) => ({
      kind: 'event' as const,
      after,
      event,
    })),
  ),
  { kind: 'lost', error, delayMs: 5 },
]
const EVENTS: readonly TabEvent[] = [
  ...HEARD.map((message) => ({ kind: 'heard' as const, message })),
  { kind: 'passing', event: decoded(6) },
  { kind: 'passing', event: decoded(6, 'tailrace.gap') },
  { kind: 'passing', event: decoded(6, 'tailrace.live') },
  { kind: 'lost', error, delayMs: 5 },
  ...(['beat', 'elected', 'deposed', 'taken', 'untakable', 'idle'] as const).map((kind) => ({ kind })),
]

/** The combinations that there are, in words. */
function isLegal({ role, link, isTaking, waiting }: TabState): boolean {
  // What it takes comes before a connection of its own.
  if (isTaking && link !== 'none') return false
  switch (role) {
    case 'newcomer':
      return link === 'none' && !isTaking && waiting.length === 0
    case 'follower':
      return link !== 'up' && (waiting.length === 0 || isTaking || link === 'leaving')
    case 'behind':
      return (link === 'up' && waiting.length === 0) || isTaking
    case 'leader':
      return waiting.length === 0 && (link === 'up' || isTaking)
    default:
      return role satisfies never
  }
}

/** Whether an event can come in a state. */
function canHappen({ role, link, isTaking }: TabState, { kind }: TabEvent): boolean {
  if (kind === 'taken' || kind === 'untakable') return isTaking
  if (kind === 'idle') return link === 'leaving'
  if (kind === 'elected') return role !== 'leader'
  if (kind === 'deposed') return role === 'leader'
  if (kind === 'lost') return link !== 'none'
  return kind !== 'passing' || isTaking || link !== 'none'
}

function* situations(): Iterable<[TabState, TabEvent, Surroundings]> {
  const waitings: TabMessage[][] = [[], [{ kind: 'event', after: 'e.5', event: decoded(6) }]]
  for (const role of ROLES)
    for (const link of ['none', 'up', 'leaving'] as const)
      for (const isTaking of BOTH)
        for (const isPartial of BOTH)
          for (const isLive of BOTH)
            for (const unanswered of [0, 1, 2])
              for (const waiting of waitings)
                for (const isFull of BOTH)
                  for (const beginsNow of BOTH)
                    for (const event of EVENTS)
                      yield [
                        { role, link, isTaking, isPartial, isLive, unanswered, waiting },
                        event,
                        { place: 'e.5', isFull, maxWaiting: 2, beginsNow, snapsAfterGap: true },
                      ]
}

test('in every situation, what a tab does is legal', () => {
  let count = 0
  const seen = new Set<TabAction['kind']>()
  const fail = (why: string, ...what: unknown[]): never => expect.fail(`${why}: ${JSON.stringify(what)}`)
  for (const [before, event, around] of situations()) {
    if (!isLegal(before) || !canHappen(before, event)) continue
    const [after, actions] = tabStep(before, event, around)
    const kinds = actions.map(({ kind }) => kind)
    for (const kind of kinds) seen.add(kind)
    const check = (is: boolean, why: string): void =>
      void (is || fail(why, before, event, around, after, actions))
    count += 1
    check(isLegal(after), 'a legal state is followed by one')
    check(after.waiting.length <= around.maxWaiting, 'what waits is bounded')
    check(kinds.filter((kind) => kind === 'take').length <= 1, 'one event is taken at a time')
    if (kinds.includes('take')) {
      check(!before.isTaking || event.kind === 'taken' || event.kind === 'untakable', 'one at a time')
      check(after.role === 'follower' && after.link === 'none', 'only a follower without a connection takes')
    }
    const needs = after.role === 'leader' || after.role === 'behind'
    if (needs) check(after.link === 'up' || after.isTaking, 'a tab that needs a connection has one')
    else check(after.link !== 'up', 'one that needs none has none')
    if (kinds.includes('start')) check(needs && !after.isTaking, 'it connects from a place')
    if (kinds.includes('steal'))
      check(before.unanswered >= 2 && before.role !== 'leader', 'only the silent lose the lock')
    for (const action of actions) {
      if (action.kind !== 'post') continue
      check(action.message.kind === 'ping' || before.role === 'leader', 'only the leader tells')
      if (action.message.kind === 'pong')
        check((action.message.place === undefined) === before.isPartial, 'a snapshot has no place')
    }
    if (event.kind === 'heard' && before.role === 'leader')
      check(after === before || event.message.kind === 'ping', 'the leader does not listen')
  }
  expect(count).toBeGreaterThan(10_000)
  expect([...seen].toSorted()).toEqual(['post', 'release', 'start', 'steal', 'take', 'tell'])
})

const follower: TabState = { ...startTab(false), role: 'follower' }
const behind: TabState = { ...follower, role: 'behind', link: 'up', isLive: true }
const heard = (message: TabMessage): TabEvent => ({ kind: 'heard', message })
const after = (place: string | undefined, event = decoded(6)): TabEvent =>
  heard({ kind: 'event', after: place, event })

test.each<[string, TabState, TabEvent, Partial<TabState>, readonly TabAction['kind'][]]>([
  ['a follower takes what comes after its place', follower, after('e.5'), { isTaking: true }, ['take']],
  [
    'one that has missed something connects',
    follower,
    after('e.6'),
    { role: 'behind', link: 'up' },
    ['start'],
  ],
  ['one that has it already does nothing', follower, after('e.3', decoded(4)), follower, []],
  ['one that is busy lets it wait', { ...follower, isTaking: true }, after('e.5'), { isTaking: true }, []],
  ['one that is busy connects later', { ...follower, isTaking: true }, after('e.6'), { isTaking: true }, []],
  [
    'one that has caught up lets its connection go',
    behind,
    after('e.5'),
    { role: 'follower', link: 'leaving' },
    ['release'],
  ],
  [
    'also when nothing new comes',
    behind,
    heard({ kind: 'pong', place: 'e.5', isLive: true }),
    { role: 'follower' },
    ['release'],
  ],
  [
    'one that is not live yet does not',
    { ...behind, isLive: false },
    heard({ kind: 'pong', place: 'e.5', isLive: true }),
    { role: 'behind' },
    [],
  ],
  [
    'a newcomer begins where the others are',
    startTab(false),
    heard({ kind: 'pong', place: 'e.9', isLive: true }),
    { role: 'follower' },
    ['take'],
  ],
  [
    'in the middle of their snapshot it connects',
    startTab(true),
    heard({ kind: 'pong', place: undefined, isLive: false }),
    { role: 'behind' },
    ['start'],
  ],
  [
    'a newcomer asks, and then connects',
    { ...startTab(false), unanswered: 1 },
    { kind: 'beat' },
    { role: 'behind', unanswered: 2 },
    ['post', 'start'],
  ],
  [
    'a leader that is silent is replaced',
    { ...follower, unanswered: 2 },
    { kind: 'beat' },
    { unanswered: 0 },
    ['steal'],
  ],
  ['a leader connects', follower, { kind: 'elected' }, { role: 'leader', link: 'up' }, ['start']],
  ['with the connection that it has', behind, { kind: 'elected' }, { role: 'leader', isLive: true }, []],
  [
    'one that is deposed follows',
    { ...behind, role: 'leader' },
    { kind: 'deposed' },
    { role: 'follower' },
    ['release'],
  ],
  [
    'what cannot be decoded comes by its own connection',
    { ...follower, isTaking: true },
    { kind: 'untakable' },
    { role: 'behind' },
    ['start'],
  ],
])('%s', (_, state, event, next, actions) => {
  const around = { place: 'e.5', isFull: false, maxWaiting: 2, beginsNow: true, snapsAfterGap: false }
  const [reached, taken] = tabStep(state, event, around)
  expect({ state: reached, actions: taken.map(({ kind }) => kind) }).toMatchObject({ state: next, actions })
})

test('whatever is lost between them, a follower gets every event of the log once and in order', () => {
  const script = fc.array(
    fc.record({
      do: fc.constantFrom('publish', 'publish', 'publish', 'drop', 'settle', 'beat', 'catch-up' as const),
    }),
    { maxLength: 80 },
  )
  const property = fc.property(script, (steps) => {
    let head = 0
    let place = 0
    let state: TabState = { ...follower }
    let link: 'none' | 'up' = 'none'
    const seen: number[] = []
    const taking: DecodedEvent[] = []
    const send = (event: TabEvent): void => {
      const around = {
        place: `e.${place}`,
        isFull: false,
        maxWaiting: 3,
        beginsNow: false,
        snapsAfterGap: false,
      }
      const [next, actions] = tabStep(state, event, around)
      state = next
      for (const action of actions) {
        if (action.kind === 'take') taking.push(action.event)
        if (action.kind === 'start') link = 'up'
        if (action.kind === 'release') {
          link = 'none'
          send({ kind: 'idle' })
        }
      }
    }
    const settle = (): void => {
      const event = taking.shift()
      if (event === undefined) return
      if (event.type === 'message') seen.push(Number(event.data))
      place = Number(event.lastEventId.slice(2))
      send({ kind: 'taken' })
    }
    const catchUp = (): void => {
      if (link !== 'up') return
      for (; place < head; place += 1) {
        send({ kind: 'passing', event: decoded(place + 1) })
        seen.push(place + 1)
      }
      send({ kind: 'passing', event: decoded(place, 'tailrace.live') })
    }
    for (const one of steps) {
      if (one.do === 'publish' || one.do === 'drop') {
        const [before, event] = [head, decoded((head += 1))]
        if (one.do === 'publish') send(heard({ kind: 'event', after: `e.${before}`, event }))
      } else if (one.do === 'settle') settle()
      else if (one.do === 'beat') send(heard({ kind: 'pong', place: `e.${head}`, isLive: true }))
      else catchUp()
    }
    // The next event shows to a follower whether it lacks something.
    const last = decoded(head + 1)
    send(heard({ kind: 'event', after: `e.${head}`, event: last }))
    head += 1
    while (taking.length > 0) settle()
    catchUp()
    while (taking.length > 0) settle()
    expect(seen).toEqual(Array.from({ length: head }, (_, i) => i + 1))
  })
  fc.assert(property, { numRuns: 3_000 })
})
