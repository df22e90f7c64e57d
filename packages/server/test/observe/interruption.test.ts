import { createHub } from '@tailrace/hub'
import { Budget } from '@tailrace/http/gate'
import { PendingConnections } from '@tailrace/http/node'
import { createMemoryLog, LogError } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/observe/metrics.ts'
import { joined } from '../../src/observe/snapshot.ts'

test('a metric says whether the log is interrupted', async () => {
  const scripted = createScriptedLog(createMemoryLog())
  const hub = await createHub({ log: scripted.log })
  const budget = new Budget('max-bodies', 1)
  const metrics = createMetrics(hub, {
    pressure: { turnMs: 0 },
    pending: new PendingConnections(),
    bodies: budget,
    pages: budget,
  })
  const text = async (): Promise<string> => joined([await metrics.snapshot()]).metrics()
  expect(await text()).toContain('\ntailrace_log_interrupted 0\n')
  scripted.interrupt(new LogError('unreachable', 'connect ECONNREFUSED 10.0.0.7:6379'))
  expect(await text()).toContain('\ntailrace_log_interrupted 1\n')
  await hub.close()
})
