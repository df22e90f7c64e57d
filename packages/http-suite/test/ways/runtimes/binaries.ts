import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Runtime } from './start.ts'

const modules = fileURLToPath(new URL('../../../../../node_modules', import.meta.url))

/** The packages `bun` and `deno` consist of a binary for each platform; the script that moves Bun's may not have run. */
function binaryOf(name: string, ...patterns: string[]): string {
  const [found] = patterns.flatMap((pattern) => globSync(pattern, { cwd: modules }))
  if (found === undefined) throw new Error(`${name} is not installed: run npm install`)
  return `${modules}/${found}`
}

export function bun(): Runtime {
  return {
    command: binaryOf('bun', '@oven/bun-*/bin/bun', 'bun/bin/bun.exe'),
    args: ['--conditions=@tailrace/source'],
  }
}

export function deno(): Runtime {
  return {
    command: binaryOf('deno', '@deno/*/deno'),
    args: ['run', '--allow-all', '--no-check', '--node-modules-dir=manual', '--conditions=@tailrace/source'],
  }
}

export function workerd(): string {
  return binaryOf('workerd', '@cloudflare/workerd-*/bin/workerd')
}
