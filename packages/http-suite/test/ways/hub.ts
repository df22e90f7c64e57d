import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { HttpSubject } from '../../src/index.ts'
import { HEARTBEAT_MS } from './constants.ts'
import { countStreams } from './count-streams.ts'

/** A hub in this process, and what a test may do to it. */
export interface OwnHub extends Required<
  Pick<HttpSubject, 'openStreams' | 'interrupt' | 'restore' | 'drain' | 'close'>
> {
  readonly hub: Hub
}

export async function openHub(): Promise<OwnHub> {
  const scripted = createScriptedLog(createMemoryLog())
  const hub = await createHub({ log: scripted.log, heartbeatMs: HEARTBEAT_MS })
  return {
    hub,
    openStreams: (topic) => countStreams(hub, topic),
    interrupt: async () => scripted.interrupt(),
    restore: async () => scripted.resume(),
    drain: () => hub.drain(0),
    async close() {
      await hub.close()
      await scripted.log.close()
    },
  }
}
