import { availableParallelism } from 'node:os'
import { UsageError } from '../cli/usage-error.ts'
import { availableMemory, readFileLimit } from '../net/connection-limit.ts'

/** Memory that a process needs before it serves anybody. */
const BYTES_PER_PROCESS = 64 * 1024 ** 2
/** Processes besides the workers: the supervisor, and the owner of the log. */
const OTHERS = 2
/** Files that the supervisor has open: those of an idle process, and a channel to each child. */
const OWN_FILES = 64

/**
 * The number of workers that were asked for.
 *
 * @throws UsageError for more than the memory or the open files allow
 */
export function workersFor(
  asked: number | 'auto',
  memoryBytes: number = availableMemory(),
  fileLimit: number = readFileLimit() ?? Infinity,
): number {
  const byMemory = Math.max(1, Math.floor(memoryBytes / BYTES_PER_PROCESS) - OTHERS)
  const byFiles = Math.max(1, fileLimit - OWN_FILES)
  if (asked === 'auto') return Math.min(availableParallelism(), byMemory, byFiles)
  if (asked > byMemory) {
    const mebibytes = Math.round(memoryBytes / 1024 ** 2)
    throw new UsageError(`--workers must be at most ${byMemory} with ${mebibytes} MiB of memory`)
  }
  if (asked > byFiles) {
    throw new UsageError(
      `--workers must be at most ${byFiles} with a limit of ${fileLimit} open files: raise it with ulimit -n, or with LimitNOFILE in systemd`,
    )
  }
  return asked
}
