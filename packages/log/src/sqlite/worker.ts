import { parentPort, workerData } from 'node:worker_threads'
import { assertInPlace, toLogError } from './database.ts'
import { openReader } from './reader.ts'
import type { Call, Reply, ThreadData } from './thread.ts'
import { plain } from './thread.ts'
import { openWriter } from './writer.ts'

// The body of the threads of a log: opens the engine, then serves one call after another.

const { role, path, inode } = workerData as ThreadData
const port = parentPort!
let engine: object | undefined

port.on('message', ({ id, method, args }: Call) => {
  port.postMessage(reply(id, () => run(method, args)))
})

function run(method: string, args: unknown[]): unknown {
  if (method === 'open') {
    // Otherwise the successor of a dead writer would create a new log if the file was moved away.
    if (inode !== undefined) assertInPlace(path, inode)
    engine = role === 'writer' ? openWriter(path, inode !== undefined) : openReader(path)
    return undefined
  }
  return (engine as Record<string, (...args: unknown[]) => unknown>)[method]!(...args)
}

function reply(id: number, task: () => unknown): Reply {
  try {
    return { id, value: task() }
  } catch (error) {
    return { id, error: plain(toLogError(error, path)) }
  }
}
