import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { spawnCli } from '@tailrace/testkit'
import { beforeAll } from 'vitest'
import { describeChat } from './scenarios.ts'

const root = join(import.meta.dirname, '../../..')
const cwd = join(import.meta.dirname, '..')
const next = join(root, 'node_modules/next/dist/bin/next')

// The build takes from ten seconds to a minute, which is why this test is not one of those that always run.
beforeAll(() => {
  const env = { ...process.env, NODE_ENV: 'production' as const, NEXT_TELEMETRY_DISABLED: '1' }
  for (const args of [
    [join(root, 'node_modules/.bin/tsc'), '-b', join(root, 'packages/llm')],
    [process.execPath, next, 'build'],
  ]) {
    const { status, stdout, stderr } = spawnSync(args[0], args.slice(1), { cwd, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${args.join(' ')} failed:\n${stdout}${stderr}`)
  }
}, 300_000)

describeChat(async (port, env) => {
  const args = ['start', '--hostname', '127.0.0.1', '--port', String(port)]
  const process = spawnCli(args, { main: next, cwd, env: { ...env, NEXT_TELEMETRY_DISABLED: '1' } })
  let origin: string | undefined
  for (;;) {
    const line = await process.nextLine(60_000)
    origin ??= /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (origin !== undefined && line.includes('Ready')) return { origin, process }
  }
})
