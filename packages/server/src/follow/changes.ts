import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'

/**
 * How long a change may go unnoticed where watching does not work: network file systems, a folder that does not
 * exist yet.
 */
const POLL_MS = 500

/** Tells when a file, or one that it was rotated to, may have changed. */
export interface Changes extends Disposable {
  /** Resolves at the first change since it last resolved, or when it is time to look anyway. */
  next(): Promise<void>
}

/** @param ignored our own files, whose changes must not wake us */
export function watchChanges(path: string, ignored: readonly string[], signal: AbortSignal): Changes {
  const base = basename(path)
  const echoes = new Set(ignored.map((own) => basename(own)))
  let watcher: FSWatcher | undefined
  let isChanged = false
  let wake = (): void => {}

  function changed(): void {
    isChanged = true
    wake()
  }

  function start(): void {
    try {
      watcher ??= watch(dirname(path), (_, name) => {
        if (name === null || (name.startsWith(base) && !echoes.has(name))) changed()
      }).on('error', stop)
    } catch {
      // The next poll tries again.
    }
  }

  function stop(): void {
    watcher?.close()
    watcher = undefined
  }

  signal.addEventListener('abort', changed)
  start()
  return {
    async next() {
      start()
      if (!isChanged && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      isChanged = false
    },
    [Symbol.dispose]() {
      signal.removeEventListener('abort', changed)
      stop()
    },
  }
}
