import type { Server } from 'node:net'

/**
 * What is kept for everything that is no connection: an idle hub has 39 files open (the log's, and the event
 * loops of its threads), and SQLite opens a few more for a while.
 */
const RESERVED_FILES = 64
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

/**
 * Closes what connects while as many connections are open as the process may have files, less a reserve.
 * Without it the log could not open files either, and the runtime closes connections without a word.
 *
 * @param tell - takes a line for whoever runs the hub
 * @throws RangeError when the limit leaves none for connections
 */
export function limitConnections(
  server: Server,
  fileLimit: number | undefined,
  tell: (line: string) => void,
): void {
  if (fileLimit === undefined) return
  const max = fileLimit - RESERVED_FILES
  if (max < 1) {
    throw new RangeError(
      `A limit of ${fileLimit} open files leaves none for connections: raise it over ${RESERVED_FILES} with ulimit -n, or LimitNOFILE of systemd`,
    )
  }
  const reason = `${max} are open, all that a limit of ${fileLimit} open files allows: raise it with ulimit -n, or LimitNOFILE of systemd`
  let refused = 0
  let timer: NodeJS.Timeout | undefined

  function tellRefused(): void {
    timer = undefined
    if (refused === 0) return
    tell(`connections refused: ${refused} (${reason})`)
    refused = 0
    timer = setTimeout(tellRefused, TELL_INTERVAL_MS).unref()
  }

  server.maxConnections = max
  server.on('drop', () => {
    refused += 1
    if (timer === undefined) tellRefused()
  })
  server.on('close', () => {
    clearTimeout(timer)
    tellRefused()
  })
}
