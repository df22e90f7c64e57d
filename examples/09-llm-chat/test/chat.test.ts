import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawnCli, tempDir } from '@tailrace/testkit'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll } from 'vitest'
import { describeChat } from './scenarios.ts'

const dir = tempDir()
const page = join(dir.path, 'page.js')
const main = fileURLToPath(new URL('server.ts', import.meta.url))

beforeAll(async () => {
  await using build = await rolldown({
    input: join(import.meta.dirname, 'page.tsx'),
    transform: { define: { 'process.env.NODE_ENV': '"development"' }, jsx: 'react-jsx' },
    checks: { moduleLevelDirective: false },
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  writeFileSync(page, output[0].code)
})
afterAll(() => dir[Symbol.dispose]())

describeChat(async (port, env) => {
  const process = spawnCli([], { main, env: { ...env, PAGE: page, PORT: String(port) } })
  return { origin: await process.nextLine(), process }
})
