import { readFileSync } from 'node:fs'
import { UsageError } from './usage-error.ts'

/**
 * Reads a file and removes the final line end that editors add. @throws UsageError if it cannot be read or is
 * empty
 */
export function readSecret(flag: string, path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new UsageError(`--${flag}: ${(error as Error).message}`)
  }
  if (text.trim() === '') throw new UsageError(`--${flag}: ${path} is empty`)
  return text
}
