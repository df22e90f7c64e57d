import { join } from 'node:path'
import type { EventLog } from '@tailrace/log'
import { openSequencedLog } from '@tailrace/log-sequencer'
import { testEventLog } from '@tailrace/log-suite'
import { tempDir } from '@tailrace/testkit'
import { MemorySequence } from './memory-sequencer.ts'

for (const isLate of [false, true]) {
  testEventLog(
    isLate ? 'log on a sequencer that takes its time' : 'log on a sequencer',
    async ({ now }) => {
      const dir = tempDir()
      const sequence = new MemorySequence({ isLate })
      const link = sequence.link()
      const nodes: EventLog[] = []
      const open = async ({ connect } = sequence.link()): Promise<EventLog> => {
        const node = await openSequencedLog({ connect, index: join(dir.path, `${nodes.length}.index`), now })
        nodes.push(node)
        return node
      }
      const log = await open(link)
      return {
        log,
        join: open,
        async reopen() {
          await log.close()
          return open()
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
}
