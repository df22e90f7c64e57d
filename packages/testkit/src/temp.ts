import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder for one test, deleted when disposed: `using dir = tempDir()`. */
export interface TempDir extends Disposable {
  readonly path: string
}

export function tempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'tailrace-'))
  return {
    path,
    // A killed hub may still be writing its last file, so this retries.
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }),
  }
}
