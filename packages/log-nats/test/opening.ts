import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { CompleteEventLog } from '@tailrace/log'
import { openNatsLog, type NatsLogOptions } from '@tailrace/log-nats'
import { tempDir, type NatsServer } from '@tailrace/testkit'

export interface OpenNatsLog extends AsyncDisposable {
  readonly log: CompleteEventLog
}

/** A node with an index of its own. */
export async function openNode(url: string, options: Omit<NatsLogOptions, 'url'> = {}): Promise<OpenNatsLog> {
  const dir = tempDir()
  const index = join(dir.path, 'index')
  mkdirSync(index)
  try {
    const log = await openNatsLog({ url: `${url}${url.includes('?') ? '&' : '?'}index=${index}`, ...options })
    return {
      log,
      async [Symbol.asyncDispose]() {
        await log.close()
        dir[Symbol.dispose]()
      },
    }
  } catch (error) {
    dir[Symbol.dispose]()
    throw error
  }
}

/** Changes streams behind the back of the logs. */
export async function administer<T>(
  server: NatsServer,
  act: (manager: JetStreamManager) => Promise<T>,
  login: { user?: string; pass?: string } = {},
): Promise<T> {
  const connection = await connect({ servers: server.url, ...login })
  try {
    return await act(await jetstreamManager(connection))
  } finally {
    await connection.close()
  }
}
