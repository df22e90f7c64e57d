import { testGroup, type Check, type CheckResult } from './check.ts'
import { testBatch } from './clauses/batch.ts'
import { testConflation } from './clauses/conflation.ts'
import { testControlEvents } from './clauses/control-events.ts'
import { testDelivery } from './clauses/delivery.ts'
import { testDisturbance } from './clauses/disturbance.ts'
import { testErrors } from './clauses/errors.ts'
import { testFrames } from './clauses/frames.ts'
import { testGaps } from './clauses/gaps.ts'
import { testHead } from './clauses/head.ts'
import { testHeartbeats } from './clauses/heartbeats.ts'
import { testHistory } from './clauses/history.ts'
import { testLimits } from './clauses/limits.ts'
import { testNames } from './clauses/names.ts'
import { testOperation } from './clauses/operation.ts'
import { testOrigins } from './clauses/origins.ts'
import { testParameters } from './clauses/parameters.ts'
import { testPublish } from './clauses/publish.ts'
import { testPurge } from './clauses/purge.ts'
import { testRemoval } from './clauses/removal.ts'
import { testSelecting } from './clauses/selecting.ts'
import { testSnapshots } from './clauses/snapshot.ts'
import { testStart } from './clauses/start.ts'
import type { HttpAbility, OpenSubject } from './subject.ts'

export type { CheckResult } from './check.ts'
export { topicPath, topicQuery } from './subject.ts'
export type { HttpAbility, HttpPaths, HttpSubject, OpenSubject, SuiteEvent, SuiteLimits } from './subject.ts'

/** Groups whose tests share one subject. */
const GROUPS: readonly ((check: Check) => void)[] = [
  testNames,
  testPublish,
  testBatch,
  testPurge,
  testRemoval,
  testSelecting,
  testHead,
  testStart,
  testFrames,
  testDelivery,
  testSnapshots,
  testControlEvents,
  testGaps,
  testConflation,
  testHeartbeats,
  testParameters,
  testHistory,
  testOrigins,
  testOperation,
  testErrors,
]

export interface TestHttpOptions {
  /** What is served besides streams, and what a test can do. */
  readonly abilities: readonly HttpAbility[]
  /**
   * Tests that are known to fail, by their titles, with the reason. They are run, and must fail.
   *
   * @defaultValue none
   */
  readonly exemptions?: Readonly<Record<string, string>> | undefined
}

/**
 * The HTTP contract of Tailrace (spec/protocol.md), clause by clause, as tests for Vitest. Call it at the top of a test
 * file, once for each way of serving. Requests go over real sockets. Tests run concurrently on one subject, each with
 * topics of its own; those that disturb the subject open one for themselves.
 *
 * @param open - starts what is tested, with an empty log, and heartbeats every few hundred milliseconds
 * @returns the results, which are complete once all tests have run
 * @throws RangeError if an exemption names no test
 */
export function testHttp(name: string, open: OpenSubject, options: TestHttpOptions): readonly CheckResult[] {
  const { abilities, exemptions = {} } = options
  const results: CheckResult[] = []
  const shared = { open, abilities, exemptions, results }
  const titles = [
    ...testGroup(name, { ...shared, isOwn: false }, GROUPS),
    ...testGroup(`${name}, disturbed`, { ...shared, isOwn: true }, [testDisturbance, testLimits]),
  ]
  const unknown = Object.keys(exemptions).find((title) => !titles.includes(title))
  if (unknown !== undefined) throw new RangeError(`There is no test “${unknown}” to exempt from.`)
  return results
}
