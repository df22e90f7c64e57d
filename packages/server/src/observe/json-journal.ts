import { destination, pino, stdTimeFunctions } from 'pino'
import { textOf, withoutSecrets } from './journal.ts'
import type { Journal } from './journal.ts'

/** Lines that standard error did not accept, for example on a full disk, and that may still be written. In characters. */
const MAX_UNWRITTEN = 64 * 1024

/**
 * One JSON object per line, for programs.
 *
 * @param from - which process the lines are about, if there are several
 */
export function createJsonJournal(from?: string): Journal {
  // Synchronous, so that the last lines of a dying process are written.
  const output = destination({ fd: 2, sync: true, maxLength: MAX_UNWRITTEN })
  // The hub continues, and there is nobody left to report this to.
  output.on('error', () => undefined)
  const logger = pino(
    {
      base: { pid: process.pid, ...(from === undefined ? {} : { process: from }) },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    output,
  )
  return {
    started: (facts) => logger.info({ event: 'started', ...facts }, 'listening'),
    draining: (facts) => logger.info({ event: 'draining', ...facts }, 'ending all streams'),
    stopped: () => logger.info({ event: 'stopped' }, 'stopped'),
    interrupted(reason) {
      const message = withoutSecrets(`the log is interrupted: ${reason.message}`)
      logger.error({ event: 'interrupted', code: codeOf(reason), error: textOf(reason) }, message)
    },
    resumed: () => logger.info({ event: 'resumed' }, 'the log has resumed'),
    warn: (line) => logger.warn({ event: 'warning' }, withoutSecrets(line)),
    failed(error) {
      const message = error instanceof Error ? error.message : String(error)
      logger.error({ event: 'error', code: codeOf(error), error: textOf(error) }, withoutSecrets(message))
    },
  }
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
