import type { Server } from 'node:net'
import { totalmem } from 'node:os'

/**
 * What is kept for everything that is no connection: an idle hub has 44 files open (the log's, and the event
 * loops of its threads), and SQLite opens a few more for a while.
 */
const RESERVED_FILES = 64
/** What a connection may cost: a reader that keeps up has 2 KiB here and as much in the kernel, one that does not up to 64. */
const BYTES_PER_CONNECTION = 16 * 1024
/** With the buffers of OpenSSL. */
const BYTES_PER_TLS_CONNECTION = 64 * 1024
/** Kept for publishes, probes, and to tell readers to come back later. */
const MAX_RESERVED_CONNECTIONS = 32
/** How often at most the operator is told of connections that were refused. */
const TELL_INTERVAL_MS = 5_000

interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } }
}

/**
 * How many files this process may have open; nothing where the system sets no bound. A report asks each worker
 * thread as well, so it is best made before there are any.
 */
export function readFileLimit(): number | undefined {
  const report = process.report as typeof process.report & { excludeNetwork: boolean }
  const { excludeNetwork } = report
  // Or the names of all peers are looked up.
  report.excludeNetwork = true
  const { userLimits } = report.getReport() as Report
  report.excludeNetwork = excludeNetwork
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}

/** How many connections a hub has, and what sets that bound. */
export interface ConnectionBound {
  readonly connections: number
  /** The rest of them is for those that read no stream. */
  readonly streams: number
  readonly reason: string
}

/**
 * @param asked - `--max-connections`; by default as many as there are files for, and memory
 * @throws RangeError when the files leave none, or fewer than were asked for, or none was asked for
 */
export function connectionBound(
  asked: number | undefined,
  fileLimit: number = Infinity,
  isSecure = false,
  memoryBytes: number = availableMemory(),
): ConnectionBound {
  const byFiles = fileLimit - RESERVED_FILES
  const raise = 'raise it with ulimit -n, or with LimitNOFILE in systemd'
  if (byFiles < 1) {
    throw new RangeError(
      `A limit of ${fileLimit} open files leaves none for connections: raise it above ${RESERVED_FILES} with ulimit -n, or with LimitNOFILE in systemd`,
    )
  }
  if (asked === 0) throw new RangeError('--max-connections must be at least 1')
  if (asked !== undefined && asked > byFiles) {
    throw new RangeError(
      `--max-connections must be at most ${byFiles} with a limit of ${fileLimit} open files: ${raise}`,
    )
  }
  if (asked !== undefined) return boundOf(asked, 'the maximum set by --max-connections')
  const each = isSecure ? BYTES_PER_TLS_CONNECTION : BYTES_PER_CONNECTION
  const byMemory = Math.max(1, Math.floor(memoryBytes / 2 / each))
  if (byMemory < byFiles) {
    const mebibytes = Math.round(memoryBytes / 1024 ** 2)
    return boundOf(byMemory, `the maximum for ${mebibytes} MiB of memory: raise --max-connections`)
  }
  return boundOf(byFiles, `the maximum for a limit of ${fileLimit} open files: ${raise}`)
}

function boundOf(connections: number, why: string): ConnectionBound {
  const reserve = Math.min(MAX_RESERVED_CONNECTIONS, Math.floor(connections / 8))
  return { connections, streams: connections - reserve, reason: `${connections} are open, ${why}` }
}

/** Of the container, or else of the machine. */
function availableMemory(): number {
  return Math.min(process.constrainedMemory() || Infinity, totalmem())
}

/**
 * Closes what connects while as many connections are open as there can be. Without it the log could not open files either.
 * What the system refuses to accept is counted as well, and ends nothing.
 *
 * @param tell - takes a line for whoever runs the hub
 */
export function limitConnections(
  server: Server,
  { connections, reason }: ConnectionBound,
  tell: (line: string) => void,
): void {
  const dropped = tellAtTimes((count) => tell(`connections refused: ${count} (${reason})`))
  let failure = ''
  const failed = tellAtTimes((count) => tell(`connections that could not be accepted: ${count} (${failure})`))
  server.maxConnections = connections
  server.on('drop', dropped.count)
  server.on('error', ({ message }) => {
    // Before it listens, an error is the end of it, and somebody else's to tell.
    if (!server.listening) return
    failure = message
    failed.count()
  })
  server.on('close', () => {
    dropped.stop()
    failed.stop()
  })
}

/** Tells how often something has happened: at once, and then from time to time as long as it goes on. */
function tellAtTimes(tell: (count: number) => void): { count(): void; stop(): void } {
  let count = 0
  let timer: NodeJS.Timeout | undefined

  function tellCount(): void {
    timer = undefined
    if (count === 0) return
    tell(count)
    count = 0
    timer = setTimeout(tellCount, TELL_INTERVAL_MS).unref()
  }

  return {
    count() {
      count += 1
      if (timer === undefined) tellCount()
    },
    stop() {
      clearTimeout(timer)
      tellCount()
    },
  }
}
