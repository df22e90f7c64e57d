import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url))

/** Characters of output kept for messages. The oldest are dropped first. */
const MAX_TAIL_CHARS = 64 * 1024

export interface ProgramOptions {
  env?: Record<string, string> | undefined
  cwd?: string | undefined
  /** Ends the program with SIGTERM. */
  signal?: AbortSignal | undefined
  /** The file to run, if it is not the source of this repository. */
  main?: string | undefined
}

export interface ProgramExit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** The `tailrace` program as a child process that does not outlive this one. */
export interface Program {
  readonly pid: number
  readonly stdin: Writable
  /** UTF-8, to be read by the caller: a program blocks if nobody reads its output. */
  readonly stdout: Readable
  readonly stderr: Readable
  kill(signal?: NodeJS.Signals): Promise<ProgramExit>
  /** Resolves once the process is gone and its output is complete. */
  readonly exited: Promise<ProgramExit>
}

export function spawnProgram(args: string[], options: ProgramOptions = {}): Program {
  const child = spawn(
    process.execPath,
    ['--conditions=@tailrace/source', '--disable-warning=ExperimentalWarning', options.main ?? MAIN, ...args],
    { cwd: options.cwd, env: { ...cleanEnv(), ...options.env }, stdio: 'pipe' },
  )
  const exited = new Promise<ProgramExit>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  child.stdout.setEncoding('utf8')
  child.stderr.setEncoding('utf8')
  // A program may exit without reading its input: EPIPE is not a failure of the test.
  child.stdin.on('error', () => {})
  killWithUs(child)

  function kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProgramExit> {
    child.kill(signal)
    return exited
  }
  const stop = (): void => void child.kill()
  options.signal?.addEventListener('abort', stop)
  child.once('close', () => options.signal?.removeEventListener('abort', stop))
  if (options.signal?.aborted) stop()

  return { pid: child.pid ?? 0, stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, kill, exited }
}

/** Keeps the end of a program's output. Reads both of its streams. */
export function keepTail({ stdout, stderr }: Pick<Program, 'stdout' | 'stderr'>): () => string {
  let tail = ''
  const keep = (chunk: string): void => {
    tail = (tail + chunk).slice(-MAX_TAIL_CHARS)
  }
  stdout.on('data', keep)
  stderr.on('data', keep)
  return () => tail
}

const running = new Set<ChildProcess>()

/** A failed assertion or a stopped run must not leave hubs behind. */
function killWithUs(child: ChildProcess): void {
  if (running.size === 0) process.on('exit', killRunning)
  running.add(child)
  child.once('close', () => {
    running.delete(child)
    if (running.size === 0) process.off('exit', killRunning)
  })
}

function killRunning(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** The configuration of the test runner, or of the developer's own hub, must not leak into the hub under test. */
function cleanEnv(): NodeJS.ProcessEnv {
  const isForeign = /^(?:VITEST|TAILRACE_|NODE_OPTIONS$|NODE_ENV$|FORCE_COLOR$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isForeign.test(name)))
}
