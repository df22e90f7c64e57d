import { describe, expect } from 'vitest'

import { testAppend } from './append.ts'
import { testClosing } from './closing.ts'
import { testEnding } from './ending.ts'
import { testIdempotency } from './idempotency.ts'
import { testInterruption } from './interruption.ts'
import { testListing } from './listing.ts'
import { testNodes } from './nodes.ts'
import { testNotes } from './notes.ts'
import { testOrder } from './order.ts'
import { testPaging } from './paging.ts'
import { testPurge } from './purge.ts'
import { testRetention } from './retention.ts'
import { testSelectors } from './selectors.ts'
import { testShedding } from './shedding.ts'
import { testSnapshot } from './snapshot.ts'
import { CAPABILITIES, createCheck, type Check, type LogAbility, type OpenLog } from './subject.ts'
import { testTail } from './tail.ts'
import { testText } from './text.ts'

export { expectRejection, rejection } from './rejection.ts'
export type { LogAbility, OpenedLog, OpenLog, OpenLogOptions } from './subject.ts'

interface Group {
  readonly test: (check: Check) => void
  /** Without this ability, there is nothing to test. */
  readonly needs?: LogAbility
}

const GROUPS: Readonly<Record<string, Group>> = {
  order: { test: testOrder },
  append: { test: testAppend },
  paging: { test: testPaging },
  selectors: { test: testSelectors },
  text: { test: testText },
  idempotency: { test: testIdempotency },
  tail: { test: testTail },
  closing: { test: testClosing },
  snapshots: { test: testSnapshot, needs: 'snapshots' },
  listing: { test: testListing, needs: 'topics' },
  'ended topics': { test: testEnding, needs: 'topics' },
  retention: { test: testRetention, needs: 'retention' },
  purge: { test: testPurge, needs: 'retention' },
  'shared state': { test: testNotes, needs: 'shared' },
  shedding: { test: testShedding, needs: 'shed' },
  nodes: { test: testNodes, needs: 'join' },
  interruption: { test: testInterruption, needs: 'interrupt' },
}

/**
 * The contract of `EventLog`, sentence by sentence, as tests for Vitest. Call it at the top of a test file, once for
 * each implementation, against its real engine.
 *
 * @param open - opens a new, empty log, which every test calls
 * @param abilities - what the log can do, and what `open` returns to disturb it; nothing else is tested
 */
export function testEventLog(name: string, open: OpenLog, abilities: readonly LogAbility[]): void {
  const check = createCheck(open, abilities)
  describe(`${name}: capabilities`, () => {
    check('are those that the test names', async ({ log }) => {
      const present = CAPABILITIES.filter((capability) => log[capability] !== undefined)
      expect(present).toEqual(CAPABILITIES.filter((capability) => abilities.includes(capability)))
    })
  })
  for (const [group, { test, needs }] of Object.entries(GROUPS)) {
    if (needs !== undefined && !abilities.includes(needs)) continue
    describe(`${name}: ${group}`, () => {
      test(check)
    })
  }
}
