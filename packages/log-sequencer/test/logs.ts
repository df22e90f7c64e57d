import { join } from 'node:path'
import type { CompleteEventLog, StoredEvent } from '@tailrace/log'
import { openSequencedLog, type SequencedLogOptions } from '@tailrace/log-sequencer'
import { tempDir } from '@tailrace/testkit'
import { afterEach, beforeEach } from 'vitest'
import type { MemorySequence } from './memory-sequencer.ts'

/** Some time in 2033. */
export const START_TIME = 2_000_000_000_000

export interface Logs {
  /** The path of an index. */
  path(name: string): string
  /** Opens a log, which is closed after the test. */
  open(
    sequence: MemorySequence,
    options?: Partial<SequencedLogOptions> & { name?: string },
  ): Promise<CompleteEventLog>
}

/** Opens logs on a sequence in memory, with their indexes in a folder of the test. */
export function useLogs(): Logs {
  const dirs: ReturnType<typeof tempDir>[] = []
  const opened: CompleteEventLog[] = []
  let indexes = 0
  beforeEach(() => void dirs.push(tempDir()))
  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close()
    for (const dir of dirs.splice(0)) dir[Symbol.dispose]()
  })
  const path = (name: string): string => join(dirs[0]!.path, `${name}.index`)
  return {
    path,
    async open(sequence, { name = `${(indexes += 1)}`, ...options } = {}) {
      const { connect } = sequence.link()
      const log = await openSequencedLog({ connect, index: path(name), ...options })
      opened.push(log)
      return log
    },
  }
}

/** Everything that a log answers, page after page. */
export async function answersOf(log: CompleteEventLog, topics: readonly string[]): Promise<unknown> {
  const { epoch, newest, oldest } = await log.describe()
  const losses: unknown[] = []
  for (const selector of ['**', '*/*', ...topics]) {
    const { lostThrough, losses: count } = await log.read({
      selectors: [selector],
      after: 0,
      limit: 1,
      maxBytes: 1,
    })
    losses.push([selector, lostThrough, count])
  }
  return {
    epoch,
    newest,
    oldest,
    secret: await log.shared.secret(),
    losses,
    events: await allOf(log, 'read'),
    state: await allOf(log, 'snapshots'),
    topics: await log.topics.list({ prefix: '', after: '', limit: 10_000 }),
    ended: await log.topics.ended(topics),
    notes: await log.shared.notes({ prefix: '', after: '', limit: 10_000 }),
  }
}

/** Everything that any node has appended. */
export async function allOf(log: CompleteEventLog, kind: 'read' | 'snapshots'): Promise<StoredEvent[]> {
  await log.describe()
  const events: StoredEvent[] = []
  for (let after = 0, more = true; more;) {
    const query = { selectors: ['**'], after, limit: 10_000, maxBytes: 2 ** 30 }
    const page = await (kind === 'read' ? log.read(query) : log.snapshots.read(query))
    events.push(...page.events)
    ;({ next: after, more } = page)
  }
  return events
}

export async function trimAll(
  log: CompleteEventLog,
  ...[rules, now]: Parameters<CompleteEventLog['retention']['trim']>
): Promise<number> {
  let removed = 0
  for (let done = false; !done;) {
    const step = await log.retention.trim(rules, now)
    removed += step.removed
    ;({ done } = step)
  }
  return removed
}
