import type { Server } from 'node:net'
import { totalmem } from 'node:os'

/**
 * Files reserved for everything except connections: an idle hub has 44 files open (the log, and the event loops of its
 * threads), and SQLite temporarily opens a few more.
 */
const RESERVED_FILES = 64
/**
 * Estimated memory for a connection: a reader that keeps up uses 2 KiB here and as much in the kernel, one that does
 * not up to 64 KiB.
 */
const BYTES_PER_CONNECTION = 16 * 1024
/** With the buffers of OpenSSL. */
const BYTES_PER_TLS_CONNECTION = 64 * 1024
/** Connections reserved for publishes and probes, and for asking readers to return later. */
const MAX_RESERVED_CONNECTIONS = 32
/** Minimum time between two reports of refused connections to the operator. */
const TELL_INTERVAL_MS = 5_000

interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } }
}

/**
 * How many files this process may have open. Undefined if the system sets no bound. A report also includes each worker
 * thread, so it should be made before there are any.
 */
export function readFileLimit(): number | undefined {
  const report = process.report as typeof process.report & { excludeNetwork: boolean }
  const { excludeNetwork } = report
  // Otherwise, the names of all peers are looked up.
  report.excludeNetwork = true
  const { userLimits } = report.getReport() as Report
  report.excludeNetwork = excludeNetwork
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}

/** How many connections a hub may have, and which bound is responsible. */
export interface ConnectionBound extends Room {
  /** The part that one of its processes may have. */
  readonly each: Room
  readonly reason: string
}

interface Room {
  readonly connections: number
  /** How many of them may be streams. The rest is reserved for other requests. */
  readonly streams: number
}

/**
 * @param asked - `--max-connections`; by default, as many as files and memory allow
 * @param fileLimit - that of each process
 * @param processes - those that share the port
 * @throws RangeError if the limit of files leaves none, or fewer than requested, or if 0 were requested
 */
export function connectionBound(
  asked: number | undefined,
  fileLimit: number = Infinity,
  isSecure = false,
  memoryBytes: number = availableMemory(),
  processes = 1,
): ConnectionBound {
  const forEach = fileLimit - RESERVED_FILES
  const byFiles = processes * forEach
  const raise = 'raise it with ulimit -n, or with LimitNOFILE in systemd'
  if (forEach < 1) {
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
  const boundOf = (connections: number, why: string): ConnectionBound => ({
    ...roomOf(connections),
    each: roomOf(Math.min(connections, forEach)),
    reason: `${connections} are open, ${why}`,
  })
  if (asked !== undefined) return boundOf(asked, 'the maximum set by --max-connections')
  const each = isSecure ? BYTES_PER_TLS_CONNECTION : BYTES_PER_CONNECTION
  const byMemory = Math.max(1, Math.floor(memoryBytes / 2 / each))
  if (byMemory < byFiles) {
    const mebibytes = Math.round(memoryBytes / 1024 ** 2)
    return boundOf(byMemory, `the maximum for ${mebibytes} MiB of memory: raise --max-connections`)
  }
  return boundOf(byFiles, `the maximum for a limit of ${fileLimit} open files: ${raise}`)
}

function roomOf(connections: number): Room {
  return {
    connections,
    streams: connections - Math.min(MAX_RESERVED_CONNECTIONS, Math.floor(connections / 8)),
  }
}

/** The memory of the container, or of the machine if there is no container. */
export function availableMemory(): number {
  return Math.min(process.constrainedMemory() || Infinity, totalmem())
}

/**
 * Closes new connections while the maximum number is open. Without this, the log could not open files either.
 * Connections that the system fails to accept are counted as well, and do not end the server.
 *
 * @param tell - receives a line for the operator
 */
export function limitConnections(
  server: Server,
  { each, reason }: Pick<ConnectionBound, 'each' | 'reason'>,
  tell: (line: string) => void,
): void {
  const dropped = tellAtTimes((count) => tell(`connections refused: ${count} (${reason})`))
  let failure = ''
  const failed = tellAtTimes((count) => tell(`connections that could not be accepted: ${count} (${failure})`))
  server.maxConnections = each.connections
  server.on('drop', dropped.count)
  server.on('error', ({ message }) => {
    // Before the server listens, an error is fatal, and is reported elsewhere.
    if (!server.listening) return
    failure = message
    failed.count()
  })
  server.on('close', () => {
    dropped.stop()
    failed.stop()
  })
}

/** Reports how often something has happened: at once, and then at intervals for as long as it continues. */
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
