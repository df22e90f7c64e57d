import { describe } from 'vitest'

import { testAppend } from './log-suite/append.ts'
import { testClosing } from './log-suite/closing.ts'
import { testEnding } from './log-suite/ending.ts'
import { testIdempotency } from './log-suite/idempotency.ts'
import { testListing } from './log-suite/listing.ts'
import { testNodes } from './log-suite/nodes.ts'
import { testNotes } from './log-suite/notes.ts'
import { testOrder } from './log-suite/order.ts'
import { testPaging } from './log-suite/paging.ts'
import { testPurge } from './log-suite/purge.ts'
import { testRetention } from './log-suite/retention.ts'
import { testSelectors } from './log-suite/selectors.ts'
import { testSnapshot } from './log-suite/snapshot.ts'
import { createCheck, type Check, type LogAbility, type OpenLog } from './log-suite/subject.ts'
import { testTail } from './log-suite/tail.ts'
import { testText } from './log-suite/text.ts'

export { expectRejection, rejection } from './log-suite/rejection.ts'
export type { LogAbility, OpenedLog, OpenLog, OpenLogOptions } from './log-suite/subject.ts'

const GROUPS: Readonly<Record<string, (check: Check) => void>> = {
  order: testOrder,
  append: testAppend,
  paging: testPaging,
  selectors: testSelectors,
  snapshot: testSnapshot,
  'ended topics': testEnding,
  idempotency: testIdempotency,
  notes: testNotes,
  tail: testTail,
  listing: testListing,
  retention: testRetention,
  purge: testPurge,
  text: testText,
  closing: testClosing,
}

/**
 * The contract of `EventLog`, sentence by sentence. Every implementation is one call to this, against its
 * real engine; `open` gives a new, empty log each time, since every test has one of its own. What the engine
 * is not able to do is not tested.
 */
export function testEventLog(name: string, open: OpenLog, abilities: readonly LogAbility[]): void {
  const check = createCheck(open, abilities)
  const groups = abilities.includes('join') ? { ...GROUPS, nodes: testNodes } : GROUPS
  for (const [group, testGroup] of Object.entries(groups)) {
    describe(`${name}: ${group}`, () => {
      testGroup(check)
    })
  }
}
