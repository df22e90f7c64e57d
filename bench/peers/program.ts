import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AbsentError, type Place } from '../peer.ts'

/** Where provision.sh puts what it builds, and its log of what it could not build. */
const BUILT = join(import.meta.dirname, '../../node_modules/.cache/tailrace-bench/bin')

/** The path of a program that provision.sh builds. Throws an `AbsentError` with the reason if it could not. */
export function built(name: string): string {
  const file = join(BUILT, name)
  if (existsSync(file)) return file
  throw new AbsentError(
    existsSync(`${file}.log`)
      ? `it could not be built: ${readFileSync(`${file}.log`, 'utf8').trim().split('\n').slice(-2).join(' ')}`
      : 'run bench/provision.sh to build it',
  )
}

/** The part of the program's output that `pattern` captures. */
export async function versionOf(
  file: string,
  args: readonly string[],
  pattern = /(\d+\.\d+[.\d]*)/,
): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args)
    return pattern.exec(stdout + stderr)?.[1] ?? 'unknown'
  } catch (error) {
    throw new AbsentError(`\`${[file, ...args].join(' ')}\` fails`, { cause: error })
  }
}

/** For a program in Go, which otherwise uses all cores. */
export function goSettings({ cores }: Place): Record<string, string> {
  return cores === undefined ? {} : { GOMAXPROCS: String(cores) }
}
