import { join } from 'node:path'
import { Threads } from '@tailrace/log/sqlite'
import { tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { Feed, place } from '../src/feed.ts'
import type { IndexWriter } from '../src/index/writer.ts'
import { encodeEntry, encodeRecord } from '../src/record/encode.ts'
import { MAX_EVENTS } from '../src/record/record.ts'
import type { Entry } from '../src/record/record.ts'
import type { SequencedRecord } from '../src/sequencer.ts'
import { WriteQueue } from '../src/write-queue.ts'

function recordAt(position: number, ...entries: Entry[]): SequencedRecord {
  const head = { epoch: 'e', node: 'writer', number: position, time: position }
  return { position, time: position, bytes: encodeRecord(head, entries.map(encodeEntry)) }
}

test('what was removed from the index before it was reported is reported as lost, before what is left', async () => {
  using dir = tempDir()
  const index = await Threads.start<IndexWriter>(
    new URL('../src/index/worker.ts', import.meta.url),
    join(dir.path, 'feed.index'),
    { died() {}, async revived() {}, complete() {} },
  )
  try {
    await index.writer.call('reset', 'sequence')
    const gone = 2 * MAX_EVENTS
    const removal = { offsets: [gone], forgotten: [], answers: [], now: 0 }
    const topics = ['gone', 'kept'].map((topic) => ({ topic, data: '' }))
    const records = [
      recordAt(1, { kind: 'genesis', epoch: 'e', secret: 'x'.repeat(43), after: 0 }),
      recordAt(2, { kind: 'batch', events: topics }),
      recordAt(3, { kind: 'removal', removal }),
      recordAt(4, { kind: 'batch', events: topics }),
    ]
    // As far as a node that was cut off came between the two.
    await index.writer.call('apply', records.map(place))
    const told: unknown[] = []
    const feed = new Feed(
      index,
      new WriteQueue(undefined),
      {
        events: (events) => told.push(...events.map(({ offset }) => offset)),
        lost: (through) => told.push(`lost ${through}`),
        purged() {},
        foreign() {},
        renewed() {},
        tended() {},
        failed: (error) => told.push(error),
      },
      { position: 1, newest: 0 },
    )
    await feed.records(records)
    expect(told).toEqual([`lost ${gone}`, gone + 1, 4 * MAX_EVENTS, 4 * MAX_EVENTS + 1])
    expect(feed.place).toEqual({ position: 4, newest: 4 * MAX_EVENTS + 1 })
  } finally {
    await index.close()
  }
})
