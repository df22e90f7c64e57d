import { openSqliteLog } from '@tailrace/log'

import { serveLog } from '../../src/index.ts'

// Serves a SQLite log until it is killed. With a third argument, it purges topics, and dies before it can say so.

const [socket, file, isFatal] = process.argv.slice(2) as [string, string, string?]
const log = await openSqliteLog({ path: file })
const { trim, purge } = log.retention
const retention = {
  trim,
  async purge(topic: string): Promise<boolean> {
    const isKnown = await purge(topic)
    process.kill(process.pid, 'SIGKILL')
    return isKnown
  },
}
await serveLog(isFatal === undefined ? log : { ...log, retention }, socket)
console.log('serving')
