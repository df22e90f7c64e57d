import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { LogError } from '../errors.ts'
import { assertInPlace, toLogError } from './database.ts'
import type { Call, Line, Reply, ThreadData } from './thread.ts'
import { plain } from './thread.ts'

/** How the engine of each thread is opened; `wasOpen` if a thread of this process had it open before. */
export interface Engines {
  writer(path: string, wasOpen: boolean): object
  reader(path: string): object
}

/** The body of the threads of a log: opens the engine, then serves one call after another, and never returns. */
export function serve(
  engines: Engines,
  toError: (error: unknown, path: string) => LogError = toLogError,
): void {
  const { role, path, inode, port, bell } = workerData as ThreadData & Line
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

  function reply([id, method, args]: Call): Reply {
    try {
      return [id, run(method, args), undefined]
    } catch (error) {
      return [id, undefined, plain(toError(error, path))]
    }
  }

  for (let heard = 0; ; heard = Atomics.load(bell, 0)) {
    for (let call; (call = receiveMessageOnPort(port)) !== undefined;) {
      port.postMessage(reply(call.message as Call))
    }
    Atomics.wait(bell, 0, heard)
  }
}
