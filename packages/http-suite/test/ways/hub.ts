import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { HttpSubject } from '../../src/index.ts'

/** The origin that every application here allows. */
export const ORIGIN = 'https://app.example'
export const HEARTBEAT_MS = 300

/** A hub in this process, and what a test may do to it. */
export interface OwnHub extends Required<Pick<HttpSubject, 'openStreams' | 'interrupt' | 'restore' | 'drain' | 'close'>> {
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

/** How many streams select a topic by its name. */
export async function countStreams(hub: Hub, topic: string): Promise<number> {
  let count = 0
  await hub.survey(({ selectors }) => {
    if (selectors.includes(topic)) count += 1
  })
  return count
}
