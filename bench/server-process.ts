import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { listeners, processTree } from './usage.ts'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
const OUTPUT_TAIL = 4000

/** A running peer: the processes whose CPU and memory count. */
export interface ServerProcess extends AsyncDisposable {
  pids(): number[]
  /** SIGKILL after 10 s. Resolves once all its processes are gone. */
  stop(): Promise<void>
}

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Record<string, string>
  /** Ports on which it listens once it is ready. */
  readonly ports: readonly number[]
  /** Processes that share each of the ports. @defaultValue 1 */
  readonly listeners?: number
}

const running = new Set<ChildProcess>()

// An interrupted bench leaves no server behind.
process.on('exit', () => {
  for (const { pid } of running) if (pid !== undefined) processTree(pid).forEach(kill)
})

export async function startServer(command: Command): Promise<ServerProcess> {
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_TAIL)))
  }
  running.add(child)
  const exited = once(child, 'close').finally(() => running.delete(child))
  // Awaited in `stop`. A failure to spawn is reported below.
  exited.catch(() => {})
  const server = {
    pids: () => (child.pid === undefined ? [] : processTree(child.pid)),
    stop: () => stop(child, exited),
    [Symbol.asyncDispose]: () => stop(child, exited),
  }
  try {
    for (const port of command.ports) await listens(port, command.listeners ?? 1, child)
    return server
  } catch (error) {
    await server.stop()
    throw new Error(`${command.file} ${(error as Error).message}; its output:\n${output}`, { cause: error })
  }
}

/** A connection for the sake of an answer would be one that the server has to deal with. */
async function listens(port: number, processes: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (listeners(port) < processes) {
    if (child.exitCode !== null || child.pid === undefined)
      throw new Error(`exited with code ${child.exitCode}`)
    if (performance.now() > deadline) throw new Error(`does not listen on ${port}`)
    await sleep(20)
  }
}

async function stop(child: ChildProcess, exited: Promise<unknown[]>): Promise<void> {
  if (child.pid === undefined) return
  const pids = processTree(child.pid)
  child.kill('SIGTERM')
  const killer = setTimeout(() => pids.forEach(kill), STOP_TIMEOUT_MS)
  await exited.catch(() => {})
  clearTimeout(killer)
  // Workers that outlived their parent.
  pids.forEach(kill)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Already gone.
  }
}

/** Two servers that form one peer, or one and what it depends on. Only the processes of the first one count. */
export function withCompanions(server: ServerProcess, companions: readonly ServerProcess[]): ServerProcess {
  async function stopAll(): Promise<void> {
    await server.stop()
    for (const companion of companions) await companion.stop()
  }
  return { pids: () => server.pids(), stop: stopAll, [Symbol.asyncDispose]: stopAll }
}
