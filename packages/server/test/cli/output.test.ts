import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { openStream, startHub } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

function start(args: readonly string[], stdout: number | 'pipe', stderr: number | 'pipe'): ChildProcess {
  const program = ['--conditions=@tailrace/source', MAIN, ...args]
  return spawn(process.execPath, program, { stdio: ['ignore', stdout, stderr] })
}

const SERVE = ['serve', '--port', '0', '--log', 'memory:']

test.each([[SERVE], [[...SERVE, '--json-logs']]])(
  'a hub goes on when whoever read what it says is gone, and ends well (%j)',
  async (args) => {
    const hub = start(args, 'pipe', 'pipe')
    const exited = once(hub, 'exit')
    let url: string | undefined
    for await (const chunk of hub.stdout!) {
      url = /https?:\/\/[\d.]+:\d+/.exec(String(chunk))?.[0]
      if (url !== undefined) break
    }
    hub.stderr!.destroy()
    const stream = await openStream(`${url}/topics/t`)
    await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
    hub.kill('SIGTERM')
    await stream.ended
    expect(stream.text()).toContain('draining')
    expect(await exited).toEqual([0, null])
  },
)

/** A place that takes nothing, as a full disk does. */
const FULL = '/dev/full'

describe.skipIf(!existsSync(FULL))('where nothing can be written any more', () => {
  async function intoFull(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
    const full = openSync(FULL, 'w')
    const command = start(args, full, 'pipe')
    closeSync(full)
    const [stderr, [code]] = await Promise.all([
      text(command.stderr!),
      once(command, 'exit') as Promise<[number | null]>,
    ])
    return { code, stderr }
  }

  test.each([
    ['tail', ['t', '--from', 'start']],
    ['publish', ['t', 'x']],
  ])('%s says so, and fails', async (verb, args) => {
    await using hub = await startHub()
    await fetch(`${hub.url}/topics/t`, { method: 'POST', body: 'x' })
    expect(await intoFull([verb, '--url', hub.url, ...args])).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^tailrace: standard output cannot be written: ENOSPC.*\n$/),
    })
  })

  test.each([[SERVE], [[...SERVE, '--json-logs']]])('a hub goes on (%j)', async (args) => {
    const full = openSync(FULL, 'w')
    const hub = start(args, 'pipe', full)
    closeSync(full)
    const exited = once(hub, 'exit')
    await once(hub.stdout!, 'data')
    hub.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})
