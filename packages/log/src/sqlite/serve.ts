import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { LogError } from '../errors.ts'
import { plain } from '../plain-error.ts'
import { assertInPlace, toLogError } from './database.ts'
import { EngineFailure } from './engine-failure.ts'
import type { Call, Line, Reply, ThreadData } from './thread.ts'

/** How the engine of each thread is opened; `wasOpen` if a thread of this process had it open before. */
export interface Engines {
  writer(path: string, wasOpen: boolean): object
  reader(path: string): object
  /**
   * A method whose calls are made as one if they wait together: it receives the arguments of all of them. Its result
   * answers the last call, `undefined` the others, and an error all of them.
   */
  readonly joined?: string
}

/** The body of the threads of a log: opens the engine, then serves one call after another, and never returns. @throws EngineFailure which ends the thread */
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

  /** Answers the first of the calls, and those that are joined to it. @returns the others */
  function answer(calls: readonly Call[]): readonly Call[] {
    const [[, method]] = calls as [Call]
    const others = method === engines.joined ? calls.findIndex(([, other]) => other !== method) : 1
    const joined = others === -1 ? calls : calls.slice(0, others)
    const last = joined.at(-1)![0]
    try {
      const value = run(
        method,
        joined.flatMap(([, , args]) => args),
      )
      for (const [id] of joined) reply([id, id === last ? value : undefined, undefined])
    } catch (error) {
      if (error instanceof EngineFailure) throw error
      const failure = plain(toError(error, path))
      for (const [id] of joined) reply([id, undefined, failure])
    }
    return calls.slice(joined.length)
  }

  function reply(message: Reply): void {
    port.postMessage(message)
  }

  for (let heard = 0; ; heard = Atomics.load(bell, 0)) {
    for (let calls = receive(port); calls.length > 0; calls = [...answer(calls), ...receive(port)]);
    Atomics.wait(bell, 0, heard)
  }
}

function receive(port: MessagePort): readonly Call[] {
  const calls: Call[] = []
  for (let call; (call = receiveMessageOnPort(port)) !== undefined;) calls.push(call.message as Call)
  return calls
}
