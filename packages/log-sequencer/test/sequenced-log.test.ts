import { join } from 'node:path'
import type { EventLog } from '@tailrace/log'
import { openSequencedLog } from '@tailrace/log-sequencer'
import { testEventLog } from '@tailrace/log-suite'
import { tempDir } from '@tailrace/testkit'
import { MemorySequence } from './memory-sequencer.ts'

testEventLog(
  'log on a sequencer',
  async ({ now }) => {
    const dir = tempDir()
    const sequence = new MemorySequence({ isLate: true })
    const link = sequence.link()
    const nodes: EventLog[] = []
    let indexes = 0
    const open = async (index: string, { connect } = sequence.link()): Promise<EventLog> => {
      const node = await openSequencedLog({ connect, index, now })
      nodes.push(node)
      return node
    }
    const newIndex = (): string => join(dir.path, `${(indexes += 1)}.index`)
    const index = newIndex()
    const log = await open(index, link)
    return {
      log,
      join: () => open(newIndex()),
      async reopen() {
        await log.close()
        return open(index)
      },
      interrupt: async () => link.interrupt(),
      restore: async () => link.restore(),
      replace: async () => sequence.replace(),
      async close() {
        for (const node of nodes) await node.close()
        dir[Symbol.dispose]()
      },
    }
  },
  ['snapshots', 'topics', 'retention', 'shared', 'clock', 'reopen', 'join', 'interrupt', 'replace'],
)
