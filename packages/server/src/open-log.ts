import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { UsageError } from './cli/usage-error.ts'

/** Opens the log at a URL. */
export async function openLog(url: string): Promise<EventLog> {
  if (url === 'memory:') return createMemoryLog()
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    return openSqliteLog({ path: url.slice('sqlite:'.length) })
  }
  throw new UsageError(`--log must be sqlite:FILE or memory:, not ${JSON.stringify(url)}`)
}
