import { expect, test } from 'vitest'

import { Auditor, type Verdict } from '@tailrace/testkit'

/** Three events of `p` and one of `q` were acknowledged, with these offsets. */
function audited(): Auditor {
  const auditor = new Auditor()
  for (const [n, offset] of [10, 11, 13].entries()) auditor.acknowledge('p', n, `e.${offset}`, false)
  auditor.acknowledge('q', 0, 'e.12', true)
  return auditor
}

const ALL: readonly (readonly [data: string, id: string])[] = [
  ['p:0', 'e.10'],
  ['p:1', 'e.11'],
  ['q:0', 'e.12'],
  ['p:2', 'e.13'],
]

test('a reader that receives everything once and in order is without fault', () => {
  const auditor = audited()
  const reader = auditor.addReader(['p', 'q'])
  for (const [data, id] of ALL) reader.deliver(data, id)
  expect(auditor.isDelivered).toBe(true)
  expect(auditor.verdict()).toEqual({
    acknowledged: 4,
    repeats: 1,
    delivered: 4,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    gaps: 0,
    faults: [],
  })
})

test.each<[string, number[], Partial<Verdict>, string]>([
  [
    'one in the middle is lost',
    [0, 2, 3],
    { lost: 1 },
    'p:2 as 13 comes without 1 before it, after q:0 as 12',
  ],
  [
    'the last ones are lost',
    [0, 1],
    { lost: 2 },
    'p:2 as 13, and 0 after it, never came; the last was p:1 as 11',
  ],
  ['everything is lost', [], { lost: 4 }, 'p:0 as 10, and 2 after it, never came; the last was nothing'],
  ['one comes twice', [0, 1, 1, 2, 3], { duplicated: 1 }, 'p:1 as 11 repeats p:1 as 11'],
  ['one comes again much later', [0, 1, 2, 3, 0], { duplicated: 1 }, 'p:0 as 10 repeats p:2 as 13'],
  ['two change places', [0, 2, 1, 3], { outOfOrder: 1 }, 'p:1 as 11 is out of order after q:0 as 12'],
])('%s: it is counted, and named with the event and the reader', (_, order, expected, fault) => {
  const auditor = audited()
  const reader = auditor.addReader(['p', 'q'], 'ann')
  for (const i of order) reader.deliver(...ALL[i]!)
  const verdict = auditor.verdict()
  expect(verdict).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, ...expected })
  expect(verdict.faults).toContain(`ann: ${fault}`)
})

test('an event that was stored twice, under two offsets, is a repetition', () => {
  const auditor = audited()
  const reader = auditor.addReader(['p'])
  for (const [data, id] of [...ALL.slice(0, 2), ['p:1', 'e.14'] as const]) reader.deliver(data, id)
  expect(auditor.verdict()).toMatchObject({ duplicated: 1 })
  auditor.compare('q', [
    { data: 'q:0', id: 'e.12' },
    { data: 'q:0', id: 'e.15' },
  ])
  expect(auditor.verdict()).toMatchObject({ duplicated: 2 })
  expect(auditor.verdict().faults).toContain('the log: q:0 is stored as 12, and again as 15')
})

test('a gap excuses only what may be trimmed', () => {
  const auditor = new Auditor(new Set(['q']))
  for (const publisher of ['p', 'q']) auditor.acknowledge(publisher, 0, 'e.1', false)
  auditor.addReader(['p', 'q']).tellGap()
  expect(auditor.verdict()).toMatchObject({ lost: 1, gaps: 1 })
})

test('what was acknowledged and is missing from the log, or has another place there, is lost', () => {
  const auditor = audited()
  auditor.compare('p', [
    { data: 'p:0', id: 'e.10' },
    { data: 'p:2', id: 'e.14' },
  ])
  const { lost, faults } = auditor.verdict()
  expect(lost).toBe(2)
  expect(faults).toEqual([
    'the log: p:1 was acknowledged as 11, and is missing',
    'the log: p:2 was acknowledged as 13, and is 14',
  ])
})
