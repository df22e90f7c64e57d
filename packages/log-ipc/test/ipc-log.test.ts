import { join } from 'node:path'
import { createMemoryLog, openSqliteLog, type CompleteEventLog } from '@tailrace/log'
import { testEventLog, type OpenLog } from '@tailrace/log-suite'
import { tempDir } from '@tailrace/testkit'

import { openIpcLog, serveLog } from '../src/index.ts'
import { startUnixProxy } from './unix-proxy.ts'

type OpenOwned = (path: string, now: () => number) => Promise<CompleteEventLog>

/** A log, its owner, and a node that a proxy can cut off from it. */
function openVia(openOwned: OpenOwned): OpenLog {
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

const ABILITIES = [
  'snapshots',
  'topics',
  'retention',
  'shared',
  'clock',
  'reopen',
  'join',
  'interrupt',
  'replace',
] as const

testEventLog(
  'a SQLite log of another process',
  openVia((path, now) => openSqliteLog({ path, now })),
  ABILITIES,
)
testEventLog(
  'a memory log of another process',
  openVia(async (_, now) => createMemoryLog({ now })),
  ABILITIES,
)
