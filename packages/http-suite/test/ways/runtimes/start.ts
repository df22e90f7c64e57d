import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { tempDir } from '@tailrace/testkit'
import type { HttpSubject } from '../../../src/index.ts'
import { APP_PATHS } from '../app.ts'
import { ORIGIN } from '../constants.ts'

/** A runtime other than Node, and how it runs a file. */
export interface Runtime {
  readonly command: string
  readonly args: readonly string[]
}

/** Starts a file of this folder on a runtime, with a SQLite log of its own. It prints its URL. */
export async function startOn({ command, args }: Runtime, main: string): Promise<HttpSubject> {
  const dir = tempDir()
  const file = fileURLToPath(new URL(main, import.meta.url))
  const child = spawn(command, [...args, file, `sqlite:${dir.path}/events.db`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: dir.path, NO_COLOR: '1' },
  })
  const exited = once(child, 'close')
  const stop = (): void => void child.kill('SIGKILL')
  process.on('exit', stop)
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_096)
  })
  const lines = createInterface(child.stdout)
  const [url] = (await Promise.race([once(lines, 'line'), exited])) as [unknown]
  if (typeof url !== 'string') throw new Error(`${command} ended before it was listening:\n${errors}`)
  return {
    url,
    paths: APP_PATHS,
    allowedOrigin: ORIGIN,
    async openStreams(topic) {
      const response = await fetch(`${url}/control/streams?topic=${encodeURIComponent(topic)}`)
      return (await response.json()) as number
    },
    async drain() {
      await fetch(`${url}/control/drain`)
    },
    async close() {
      process.off('exit', stop)
      stop()
      await exited
      dir[Symbol.dispose]()
    },
  }
}
