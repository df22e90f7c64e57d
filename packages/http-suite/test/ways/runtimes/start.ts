import { spawn } from 'node:child_process'
import type { SpawnOptionsWithoutStdio as SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
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
  const child = await startApp(command, [...args, file, `sqlite:${dir.path}/events.db`], {
    env: { PATH: process.env['PATH'], HOME: dir.path, NO_COLOR: '1' },
  })
  return {
    ...child,
    async close() {
      await child.close()
      dir[Symbol.dispose]()
    },
  }
}

/** Starts an application in a process of its own, whose output names its URL, and which is controlled by requests. */
export async function startApp(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<HttpSubject> {
  const child = spawn(command, args, { ...options, stdio: 'pipe' })
  const exited = once(child, 'close')
  const stop = (): void => void child.kill('SIGKILL')
  process.on('exit', stop)
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_096)
  })
  const url = await Promise.race([urlIn(child.stdout), exited.then(() => undefined)])
  if (url === undefined) throw new Error(`${command} ended before it was listening:\n${errors}`)
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
    },
  }
}

/** The URL of the first address or port in a program's output, all of which is read. */
function urlIn(output: Readable): Promise<string> {
  return new Promise((resolve) => {
    createInterface(output).on('line', (line) => {
      const [, port] = /(?:127\.0\.0\.1:|"port":)(\d+)/.exec(line) ?? []
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    })
  })
}
