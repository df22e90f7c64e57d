import { createMemoryLog, LogError, openReopeningLog, openSqliteLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { withoutCredentials } from '@tailrace/log/adapter'
import type { DurabilityOptions } from '@tailrace/log/adapter'

export interface LogOptions extends DurabilityOptions {
  /** The password for the engine. @defaultValue that in the URL, if any */
  readonly password?: string | undefined
}

interface EngineOptions extends LogOptions {
  readonly url: string
}

/** An engine that several nodes can share. */
interface Engine {
  readonly schemes: readonly string[]
  /** Loads the package of the engine, which no other log needs, and opens the log. */
  open(options: EngineOptions): Promise<EventLog>
}

const ENGINES: readonly Engine[] = [
  {
    schemes: ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel', 'redis+cluster', 'rediss+cluster'],
    open: async (options) => (await import('@tailrace/log-redis')).openRedisLog(options),
  },
  {
    schemes: ['postgres', 'postgresql'],
    open: async (options) => (await import('@tailrace/log-postgres')).openPostgresLog(options),
  },
  {
    schemes: ['nats', 'nats+tls'],
    open: async (options) => (await import('@tailrace/log-nats')).openNatsLog(options),
  },
  {
    schemes: ['kafka', 'kafka+tls'],
    open: async (options) => (await import('@tailrace/log-kafka')).openKafkaLog(options),
  },
]

const ACCEPTED = [
  'sqlite:FILE',
  'memory:',
  ...ENGINES.flatMap(({ schemes }) => schemes.map((one) => `${one}://…`)),
]

/**
 * Opens the log at a URL. A log on an engine also opens while the engine cannot be reached, and is opened again when
 * the engine holds another one.
 *
 * @throws RangeError if the URL is not that of a log, LogError if the log cannot be used
 */
export async function openLog(url: string, options: LogOptions = {}): Promise<EventLog> {
  const engine = ENGINES.find(({ schemes }) => schemes.some((scheme) => url.startsWith(`${scheme}://`)))
  if (engine !== undefined) return openReopeningLog(() => engine.open({ ...options, url }))
  if (options.password !== undefined) {
    throw new RangeError(`a password is only for a log on an engine, not for ${shownLog(url)}`)
  }
  if (url === 'memory:') {
    if (options.requireDurable !== true) return createMemoryLog()
    throw new LogError(
      'not-durable',
      'The log memory: loses every event when the hub stops: use another one.',
    )
  }
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    return openSqliteLog({ path: url.slice('sqlite:'.length) })
  }
  throw new RangeError(`a log must be one of ${ACCEPTED.join(', ')}, not ${JSON.stringify(shownLog(url))}`)
}

/** The URL of a log as it may be printed. */
export function shownLog(url: string): string {
  return url.startsWith('sqlite:') ? url : withoutCredentials(url)
}
