import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import { keepTail } from './program.ts'

/** A server that does not accept by then is taken for one that never will. */
const ACCEPT_TIMEOUT_MS = 20_000
const RETRY_MS = 10
/** Below the ports that Linux gives to whoever asks for any, so that one stays free between two starts of a server. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

/** Where the kernel can do it: a test runner that is killed has no time to stop what it started. */
const DIES_WITH_US = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'TERM', '--'] : []

export interface ServiceOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Where it accepts once it has started. */
  readonly port: number
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** A server that is no part of this repository, in the foreground of a process group of its own. */
export interface Service extends AsyncDisposable {
  /** The last 64 KiB of stdout and stderr. */
  output(): string
  /** Resolves once all of its processes that wrote to this one are gone. SIGTERM by default. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Resolves once it accepts on its port. Rejects with its output when it exits before that, or does not within 20 s. */
export async function startService({ command, args, port, env }: ServiceOptions): Promise<Service> {
  // A group of its own: servers have workers, which must not outlive them either.
  const [program = command, ...words] = [...DIES_WITH_US, command, ...args]
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
    // The first of the group tells its workers, in its own way. What it leaves is killed.
    child.kill(signal)
    await closed.promise
    signalGroup(child, 'SIGKILL')
  }

  const deadline = AbortSignal.timeout(ACCEPT_TIMEOUT_MS)
  while (!(await accepts(port))) {
    if (child.exitCode === null && child.signalCode === null && failure === 'exited' && !deadline.aborted) {
      await delay(RETRY_MS)
      continue
    }
    await stop('SIGKILL')
    const why = deadline.aborted ? `does not accept on port ${port}` : failure
    throw new Error(`${command} ${why}; its output:\n${output()}`)
  }
  return {
    output,
    stop,
    async [Symbol.asyncDispose]() {
      signalGroup(child, 'SIGKILL')
      await closed.promise
    },
  }
}

/** A port on which nobody listens, and which the kernel gives to nobody who asks for any port. */
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

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
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
