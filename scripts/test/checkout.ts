import { execFile, execFileSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** Copies what a clone would contain: every file of the work tree that git does not ignore. */
export function copyCheckout(to: string): void {
  const listing = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  for (const file of listing.split('\n').filter(Boolean)) {
    cpSync(join(ROOT, file), join(to, file), { force: true })
  }
}

/** Variables by which npm, node and vitest tell their children about this run. Commands elsewhere must not see them. */
const OURS =
  /^(VITEST|TAILRACE_|NODE_(OPTIONS|ENV|PATH)$|INIT_CWD$|npm_(lifecycle|package|command|execpath|node_execpath|config_local_prefix))/

/** The environment of somebody who is not run by this test: the original one, without {@link OURS}. */
export function outsideEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !OURS.test(name),
  )
  return Object.fromEntries(entries) as Record<string, string>
}

/** The environment of somebody with another version of Node, which npm installs. Commands run by npm use it as well. */
export async function environmentWithNode(version: string): Promise<Record<string, string>> {
  const env = outsideEnvironment()
  const args = ['--yes', '--prefer-offline', '--package', `node@${version}`, '-c', 'node -p process.execPath']
  const { stdout } = await promisify(execFile)('npx', args, { env, cwd: ROOT })
  const others = (env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  return { ...env, PATH: [dirname(stdout.trim()), ...others].join(delimiter) }
}
