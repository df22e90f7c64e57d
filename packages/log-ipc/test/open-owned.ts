import { join } from 'node:path'
import type { CompleteEventLog } from '@tailrace/log'
import type { LogAbility, OpenLog } from '@tailrace/log-suite'
import { tempDir } from '@tailrace/testkit'

import { openIpcLog, serveLog } from '../src/index.ts'
import { startUnixProxy } from './unix-proxy.ts'

export const ABILITIES: readonly LogAbility[] = [
  'snapshots',
  'topics',
  'retention',
  'shared',
  'clock',
  'reopen',
  'join',
  'interrupt',
  'replace',
]

/** Opens a log through its owner, and through a proxy that can cut it off. */
export function openVia(openOwned: (path: string, now: () => number) => Promise<CompleteEventLog>): OpenLog {
  return async ({ now }) => {
    const dir = tempDir()
    const [direct, detour] = [join(dir.path, 'log'), join(dir.path, 'proxy')]
    let owned = await openOwned(join(dir.path, 'first.db'), now)
    let server = await serveLog(owned, direct)
    const proxy = await startUnixProxy(detour, direct)
    const opened = new Set<CompleteEventLog>()
    async function open(path: string): Promise<CompleteEventLog> {
      const log = await openIpcLog({ url: `ipc:${path}` })
      opened.add(log)
      return log
    }
    async function stop(): Promise<void> {
      await server.close()
      await owned.close()
    }
    const log = await open(detour)
    return {
      log,
      async reopen() {
        await log.close()
        return open(detour)
      },
      join: () => open(direct),
      interrupt: async () => proxy.interrupt(),
      restore: async () => proxy.restore(),
      async replace() {
        await stop()
        owned = await openOwned(join(dir.path, 'second.db'), now)
        server = await serveLog(owned, direct)
      },
      async close() {
        for (const one of opened) await one.close()
        await proxy.close()
        await stop()
        dir[Symbol.dispose]()
      },
    }
  }
}
