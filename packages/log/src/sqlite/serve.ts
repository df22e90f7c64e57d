import { parentPort, workerData } from 'node:worker_threads'
import type { LogError } from '../errors.ts'
import { plain } from '../plain-error.ts'
import { assertInPlace, toLogError } from './database.ts'
import type { Call, Reply, ThreadData } from './thread.ts'

/** How the engine of each thread is opened; `wasOpen` if a thread of this process had it open before. */
export interface Engines {
  writer(path: string, wasOpen: boolean): object
  reader(path: string): object
}

/** The body of the threads of a log: opens the engine, then serves one call after another. */
export function serve(
  engines: Engines,
  toError: (error: unknown, path: string) => LogError = toLogError,
): void {
  const { role, path, inode } = workerData as ThreadData
  const port = parentPort!
  let engine: object | undefined

  function run(method: string, args: unknown[]): unknown {
    if (method === 'open') {
      // Otherwise the successor of a dead writer would create a new log if the file was moved away.
      if (inode !== undefined) assertInPlace(path, inode)
      engine = role === 'writer' ? engines.writer(path, inode !== undefined) : engines.reader(path)
      return undefined
    }
    return (engine as Record<string, (...args: unknown[]) => unknown>)[method]!(...args)
  }

  function reply(id: number, task: () => unknown): Reply {
    try {
      return { id, value: task() }
    } catch (error) {
      return { id, error: plain(toError(error, path)) }
    }
  }

  port.on('message', ({ id, method, args }: Call) => {
    port.postMessage(reply(id, () => run(method, args)))
  })
}
