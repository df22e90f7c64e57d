import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of one test's own, gone when disposed: `using dir = tempDir()`. */
export interface TempDir extends Disposable {
  readonly path: string
}

export function tempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'tailrace-'))
  return {
    path,
    // A killed hub may still be writing its last file: retried, not failed.
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }),
  }
}
