import { join } from 'node:path'
import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

const TOPICS = 1_000
const DEEP = 'a/'.repeat(110)
/** Each keeps pace with the topics to their last segment, and selects none of them. */
const PATTERNS = Array.from({ length: 100 }, (_, i) => {
  const first = i.toString(2).padStart(7, '0').replaceAll('1', 'a/').replaceAll('0', '*/')
  return `${first}${'*/'.repeat(103)}z`
})

describe.each(['memory', 'sqlite'])('a slice of a %s log', (kind) => {
  test('ends on time however many segments the patterns and the topics have', async () => {
    using dir = tempDir()
    const log: EventLog =
      kind === 'memory' ? createMemoryLog() : await openSqliteLog({ path: join(dir.path, 'log.db') })
    try {
      await log.append(Array.from({ length: TOPICS }, (_, i) => ({ topic: `${DEEP}${i}`, data: '' })))
      const page = await log.read({ selectors: PATTERNS, after: 0, limit: 100, maxBytes: 65_536 })
      expect(page).toMatchObject({ events: [], more: true })
      // Each takes a good part of a millisecond, of which a slice has eight.
      expect(page.next).toBeLessThan(250)
    } finally {
      await log.close()
    }
  })
})
