import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import type { Host } from './hosts.ts'
import { keepTail } from './program.ts'

/** A server that does not accept connections by then is considered failed. */
const ACCEPT_TIMEOUT_MS = 20_000
const RETRY_MS = 10
/** Below the range from which Linux assigns ports, so that the port stays free between two starts of a server. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

/** Where the kernel supports it: a test runner that is killed has no time to stop what it started. */
const DIES_WITH_US = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'TERM', '--'] : []

export interface ServiceOptions {
  readonly command: string
  readonly args: readonly string[]
  /** The ports on which it accepts connections once it has started. */
  readonly port: number
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Where it runs, and accepts connections. @defaultValue this machine, on 127.0.0.1 */
  readonly on?: Host | undefined
}

/** A server that is not part of this repository, in the foreground of its own process group. */
export interface Service extends AsyncDisposable {
  readonly pid: number
  /** The last 64 KiB of stdout and stderr. */
  output(): string
  /** Sends SIGTERM by default. Resolves once all of its processes that wrote to this one are gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Resolves once it has exited, and all of its processes that wrote to this one. */
  readonly exited: Promise<void>
}

/**
 * Resolves once it accepts connections on its port. Rejects with its output if it exits before that, or does not
 * accept within 20 s.
 */
export async function startService({ command, args, port, env, on }: ServiceOptions): Promise<Service> {
  // A separate group: servers have workers, which must not outlive this process either.
  const [program = command, ...words] = [...DIES_WITH_US, ...(on?.prefix ?? []), command, ...args]
  const child = spawn(program, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  child.stdout.setEncoding('utf8')
  child.stderr.setEncoding('utf8')
  const output = keepTail(child)
  const closed = Promise.withResolvers<void>()
  let failure = 'exited'
  child.once('error', ({ message }) => (failure = message))
  child.once('close', () => closed.resolve())
  const killWithUs = (): void => signalGroup(child, 'SIGKILL')
  process.on('exit', killWithUs)
  child.once('close', () => process.off('exit', killWithUs))

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    // The first process of the group stops its workers in its own way. Those that it leaves are killed.
    child.kill(signal)
    await closed.promise
    signalGroup(child, 'SIGKILL')
  }

  const deadline = AbortSignal.timeout(ACCEPT_TIMEOUT_MS)
  while (!(await accepts(port, on?.address ?? '127.0.0.1'))) {
    if (child.exitCode === null && child.signalCode === null && failure === 'exited' && !deadline.aborted) {
      await delay(RETRY_MS)
      continue
    }
    await stop('SIGKILL')
    const why = deadline.aborted ? `does not accept on port ${port}` : failure
    throw new Error(`${command} ${why}; its output:\n${output()}`)
  }
  return {
    pid: child.pid ?? 0,
    output,
    stop,
    exited: closed.promise,
    async [Symbol.asyncDispose]() {
      signalGroup(child, 'SIGKILL')
      await closed.promise
    },
  }
}

/** A port that is free, and that the kernel does not assign by itself. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

function signalGroup({ pid }: ChildProcessByStdio<null, Readable, Readable>, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // The whole group is gone.
  }
}
