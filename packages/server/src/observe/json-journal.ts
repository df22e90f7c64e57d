import { destination, pino, stdTimeFunctions } from 'pino'
import { textOf, withoutSecrets } from './journal.ts'
import type { Journal } from './journal.ts'

/** A JSON object a line, for programs. */
export function createJsonJournal(): Journal {
  const logger = pino(
    {
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    // Synchronous, so that the last lines of a process that dies are there.
    destination({ fd: 2, sync: true }),
  )
  return {
    started: (facts) => logger.info({ event: 'started', ...facts }, 'the hub listens'),
    draining: (facts) => logger.info({ event: 'draining', ...facts }, 'streams are being ended'),
    stopped: () => logger.info({ event: 'stopped' }, 'the hub has stopped'),
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
