import { spawnCli } from './cli.ts'
import type { CliProcess } from './cli.ts'
import { tempDir } from './temp.ts'

/**
 * A running example of `examples/`, whose pages reconnect without a pause. Disposing kills it, and deletes its log.
 */
export interface Example extends AsyncDisposable {
  readonly url: string
  /** Sends SIGKILL by default. Resolves once it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again after `kill`, at the same URL, on the same log. */
  restart(): Promise<void>
}

/**
 * Starts an example on a free port, on a log of its own. Its first line names the URL to open.
 *
 * @param main its file
 * @param env more of its environment
 */
export async function startExample(main: URL, env: Readonly<Record<string, string>> = {}): Promise<Example> {
  const dir = tempDir()
  const settings = { RETRY_MS: '50', LOG: `sqlite:${dir.path}/log.db`, ...env }
  let running: CliProcess
  async function start(port: string): Promise<string> {
    running = spawnCli([], { main: main.pathname, env: { ...settings, PORT: port } })
    const line = await running.nextLine(60_000)
    const [, url] = /^Open (http:\S+?)\/?$/.exec(line) ?? []
    if (url === undefined) throw new Error(`the example printed ${JSON.stringify(line)} instead of its URL`)
    return url
  }
  const url = await start('0')
  return {
    url,
    async kill(signal = 'SIGKILL') {
      await running.kill(signal)
    },
    async restart() {
      await start(new URL(url).port)
    },
    async [Symbol.asyncDispose]() {
      await running.kill('SIGKILL')
      dir[Symbol.dispose]()
    },
  }
}
