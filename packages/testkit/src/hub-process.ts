import { keepTail, type Program, type ProgramExit, spawnProgram } from './program.ts'
import { tempDir } from './temp.ts'

const LISTEN_TIMEOUT_MS = 20_000

export interface HubOptions {
  /** The arguments after `serve --port … --log …`. */
  args?: string[] | undefined
  env?: Record<string, string> | undefined
  /** The address of the log. By default, a SQLite log that belongs to this hub and is deleted with it. */
  log?: string | undefined
  /** `0`, the default, lets the kernel choose a port. */
  port?: number | undefined
  /** The file to run, if it is not the source of this repository. */
  main?: string | undefined
}

/** A real hub in its own process: when it is killed, it dies as it would in production. */
export interface HubProcess extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** The last 64 KiB of stdout and stderr. */
  output(): string
  /** Sends SIGTERM by default. Resolves once the process is gone. Only disposing forces a hub that does not exit. */
  kill(signal?: NodeJS.Signals): Promise<ProgramExit>
  readonly exited: Promise<ProgramExit>
}

/**
 * Resolves once the hub is listening. Rejects with its output if it exits before that, or is not listening within 20
 * s.
 */
export async function startHub(options: HubOptions = {}): Promise<HubProcess> {
  const dir = options.log === undefined ? tempDir() : undefined
  const log = options.log ?? `sqlite:${dir?.path}/tailrace.db`
  const args = ['serve', '--port', String(options.port ?? 0), '--log', log, ...(options.args ?? [])]
  const program = spawnProgram(args, { env: options.env, main: options.main })
  const output = keepTail(program)
  const exited = program.exited.finally(() => dir?.[Symbol.dispose]())

  async function kill(signal?: NodeJS.Signals): Promise<ProgramExit> {
    await program.kill(signal)
    return exited
  }

  try {
    const address = await listening(program)
    return {
      ...address,
      pid: program.pid,
      output,
      kill,
      exited,
      async [Symbol.asyncDispose]() {
        await kill('SIGKILL')
      },
    }
  } catch (error) {
    await kill('SIGKILL')
    throw new Error(`${(error as Error).message}; its output:\n${output()}`, { cause: error })
  }
}

function listening({ stdout, exited }: Program): Promise<{ url: string; port: number }> {
  return new Promise((resolve, reject) => {
    let banner = ''
    const timer = setTimeout(
      () => reject(new Error(`the hub is not listening after ${LISTEN_TIMEOUT_MS} ms`)),
      LISTEN_TIMEOUT_MS,
    )
    function look(chunk: string): void {
      banner += chunk
      // To the end of the line: a chunk may end in the middle of the port.
      const [, url, port] = /(https?:\/\/(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)).*\n/.exec(banner) ?? []
      if (url === undefined) return
      stop()
      resolve({ url, port: Number(port) })
    }
    function stop(): void {
      clearTimeout(timer)
      stdout.off('data', look)
    }
    stdout.on('data', look)
    async function watchExit(): Promise<void> {
      const { code, signal } = await exited
      stop()
      reject(new Error(`the hub exited before it listened (${signal ?? `code ${code}`})`))
    }
    watchExit().catch(reject)
  })
}
