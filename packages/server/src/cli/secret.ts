import { readFileSync } from 'node:fs'
import { UsageError } from './usage-error.ts'

/** The content of a file without the line end that editors put there. @throws UsageError when it cannot be read */
export function readSecret(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new UsageError(`--${flag}: ${(error as Error).message}`)
  }
}
