import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'

/** Opens the log at a URL. @throws RangeError if the URL has another scheme */
export async function openLog(url: string): Promise<EventLog> {
  if (url === 'memory:') return createMemoryLog()
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    return openSqliteLog({ path: url.slice('sqlite:'.length) })
  }
  throw new RangeError(`--log must be sqlite:FILE or memory:, not ${JSON.stringify(url)}`)
}
