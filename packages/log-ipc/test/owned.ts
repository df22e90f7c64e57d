import { join } from 'node:path'
import { createMemoryLog, type CompleteEventLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'
import { onTestFinished } from 'vitest'

import { openIpcLog, serveLog } from '../src/index.ts'

/** A log that is served in this process, for the time of a test. */
export interface Owned {
  readonly socket: string
  readonly url: string
  readonly log: CompleteEventLog
}

export async function serve(log: CompleteEventLog = createMemoryLog()): Promise<Owned> {
  const socket = freeSocket()
  const server = await serveLog(log, socket)
  onTestFinished(() => server.close())
  return { socket, url: `ipc:${socket}`, log }
}

/** A log that is closed with the test. */
export async function open(url: string): Promise<CompleteEventLog> {
  const log = await openIpcLog({ url })
  onTestFinished(() => log.close())
  return log
}

/** A path in a private folder. */
export function freeSocket(): string {
  const dir = tempDir()
  onTestFinished(() => dir[Symbol.dispose]())
  return join(dir.path, 'log')
}
