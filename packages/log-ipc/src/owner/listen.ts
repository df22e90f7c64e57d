import { mkdir, rename, stat, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { LogError } from '@tailrace/log'
import { mintEpoch } from '@tailrace/log/adapter'

import { assertPathFits } from '../protocol/socket-path.ts'

/** Everybody but the user. */
const OTHERS = 0o077

/** A socket that accepts connections. */
export interface Listening {
  /** Accepts no more of them, and removes the socket. */
  close(): Promise<void>
}

/**
 * Listens on a socket, in a folder that nobody else may enter. A socket that a dead process has left is replaced.
 *
 * @throws LogError `locked` if another process listens, `cannot-open` if the folder is not private, or cannot be used
 */
export async function listen(path: string, accept: (socket: Socket) => void): Promise<Listening> {
  // Under this name at first: so the socket is replaced in one step, and never missing.
  const temporary = join(dirname(path), `.${mintEpoch()}`)
  assertPathFits(path)
  assertPathFits(temporary)
  try {
    await assertPrivate(dirname(path))
    if (await isAnswered(path)) {
      throw new LogError('locked', `Another process serves a log at ${path}.`, { details: { path } })
    }
    const server = createServer(accept)
    await listenOn(server, temporary)
    await rename(temporary, path)
    const { ino } = await stat(path)
    return {
      async close() {
        await new Promise((resolve) => server.close(resolve))
        const found = await stat(path).catch(() => undefined)
        if (found?.ino === ino) await unlink(path)
      },
    }
  } catch (error) {
    if (LogError.is(error)) throw error
    throw new LogError('cannot-open', `The log cannot be served at ${path}: ${String(error)}`, {
      cause: error,
    })
  }
}

async function assertPrivate(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = await stat(folder)
  if (uid === process.getuid?.() && (mode & OTHERS) === 0) return
  throw new LogError(
    'cannot-open',
    `The folder ${folder} must belong to the user who serves the log, and be closed to all others (mode 0700): whoever can open the socket can write the log.`,
    { details: { folder } },
  )
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (isThere: boolean): void => {
      socket.destroy()
      resolve(isThere)
    }
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
  })
}

function listenOn(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
