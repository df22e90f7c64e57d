import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll } from 'vitest'
import { testContract } from './contract.ts'
import { RUNTIME_ABILITIES } from './ways/app.ts'
import { startApp } from './ways/runtimes/start.ts'
import { onNode } from './ways/version.ts'
import { READS_REFUSED_BODIES } from './ways/web-app.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const ways = fileURLToPath(new URL('ways/', import.meta.url))
const next = createRequire(import.meta.url).resolve('next/dist/bin/next')
const env = {
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  NEXT_TELEMETRY_DISABLED: '1',
  NODE_ENV: 'production',
} as const

let app: string

// The application as a user would build it: with the packages as they are published.
beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', 'packages/http'], {
    cwd: ROOT,
  })
  app = mkdtempSync(join(ways, '.next-'))
  cpSync(join(ways, 'next'), app, { recursive: true })
  execFileSync(process.execPath, [next, 'build'], { cwd: app, env, stdio: 'pipe' })
}, 300_000)

afterAll(() => rmSync(app, { recursive: true }))

testContract({
  id: 'next',
  name: 'Next',
  versions: onNode('next'),
  abilities: RUNTIME_ABILITIES,
  exemptions: READS_REFUSED_BODIES,
  async open() {
    const dir = tempDir()
    const args = [next, 'start', '--port', '0', '--hostname', '127.0.0.1']
    const started = await startApp(process.execPath, args, {
      cwd: app,
      env: { ...env, EVENTS: `sqlite:${dir.path}/events.db` },
    })
    return {
      ...started,
      async close() {
        await started.close()
        dir[Symbol.dispose]()
      },
    }
  },
})
