import { createMemoryEngine, LogError } from '@tailrace/log'
import { testEventLog } from '@tailrace/log-suite'
import { createScriptedLog } from '@tailrace/testkit'

testEventLog(
  'scripted log, late',
  async ({ now }) => {
    const engine = createMemoryEngine({ now })
    const first = createScriptedLog(engine.open(), { isLate: true })
    const logs = [first.log]
    return {
      log: first.log,
      async join() {
        const { log } = createScriptedLog(engine.open(), { isLate: true })
        logs.push(log)
        return log
      },
      interrupt: async () => first.interrupt(),
      restore: async () => first.resume(),
      replace: async () => first.fail(new LogError('foreign', 'The engine has the data of another log.')),
      async close() {
        for (const log of logs) await log.close()
      },
    }
  },
  ['snapshots', 'topics', 'retention', 'shared', 'clock', 'join', 'interrupt', 'replace'],
)
