import { EventEmitter, once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

import { keepTail, type Program, type ProgramExit, type ProgramOptions, spawnProgram } from './program.ts'

/** Lines that `nextLine` has not returned yet. At this number, stdout is no longer read, and the command blocks. */
const MAX_WAITING_LINES = 1024
/** Maximum output that `runCli` collects from each stream; beyond that, the command is killed. */
const MAX_COLLECTED_CHARS = 64 * 1024 * 1024

export interface CliResult extends ProgramExit {
  stdout: string
  stderr: string
}

/** A running `tailrace` command. Disposing kills it. */
export interface CliProcess extends AsyncDisposable {
  readonly pid: number
  readonly stdin: Writable
  /** The next line of stdout, without its LF. Rejects, with all output, at the end of stdout or after the timeout. */
  nextLine(timeoutMs?: number): Promise<string>
  /** The last 64 KiB of stdout and stderr, in order of arrival. */
  output(): string
  /** Sends SIGTERM by default. Resolves once the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<ProgramExit>
  readonly exited: Promise<ProgramExit>
}

/** Runs a command to its end. A failed command is a result, not a rejection. */
export async function runCli(
  args: string[],
  options: ProgramOptions & { input?: string | Buffer | undefined } = {},
): Promise<CliResult> {
  const program = spawnProgram(args, options)
  program.stdin.end(options.input)
  const [stdout, stderr, exit] = await Promise.all([
    collect(program, program.stdout),
    collect(program, program.stderr),
    program.exited,
  ])
  return { ...exit, stdout, stderr }
}

async function collect(program: Program, stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream as AsyncIterable<string>) {
    text += chunk
    if (text.length > MAX_COLLECTED_CHARS) {
      await program.kill('SIGKILL')
      throw new RangeError(`the command printed more than ${MAX_COLLECTED_CHARS} characters`)
    }
  }
  return text
}

/** Starts a command and leaves it running. Read its lines, or it blocks after the first thousand. */
export function spawnCli(args: string[], options: ProgramOptions = {}): CliProcess {
  const program = spawnProgram(args, options)
  const { stdout } = program
  const output = keepTail(program)
  const changes = new EventEmitter()
  const lines: string[] = []
  let rest = ''
  let isAtEnd = false

  stdout.on('data', (chunk: string) => {
    // Not node:readline, which also breaks lines at U+2028, which event data may contain.
    const pieces = (rest + chunk).split('\n')
    rest = pieces.pop() ?? ''
    lines.push(...pieces)
    if (lines.length >= MAX_WAITING_LINES) stdout.pause()
    changes.emit('change')
  })
  stdout.on('close', () => {
    if (rest !== '') lines.push(rest)
    isAtEnd = true
    changes.emit('change')
  })

  return {
    pid: program.pid,
    stdin: program.stdin,
    async nextLine(timeoutMs = 10_000) {
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        changes.emit('change')
      }, timeoutMs)
      const isWaiting = (): boolean => lines.length === 0 && !isAtEnd && !isLate
      while (isWaiting()) await once(changes, 'change')
      clearTimeout(timer)
      const line = lines.shift()
      if (lines.length < MAX_WAITING_LINES) stdout.resume()
      if (line !== undefined) return line
      throw new Error(`${isLate ? `no line within ${timeoutMs} ms` : 'no more lines'}; output:\n${output()}`)
    },
    output,
    kill(signal) {
      // Lines that nobody reads must not prevent the streams from ending, and so the exit.
      stdout.resume()
      return program.kill(signal)
    },
    exited: program.exited,
    async [Symbol.asyncDispose]() {
      await this.kill('SIGKILL')
    },
  }
}
