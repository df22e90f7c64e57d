import { withoutCredentials } from './engine-url.ts'
import type { DurabilityOptions } from './durability.ts'
import { LogError } from './errors.ts'
import type { EventLog } from './event-log.ts'
import { openReopeningLog } from './reopening-log.ts'

/** What the URL of a log cannot say. */
export interface LogOptions extends DurabilityOptions {
  /** The password for the engine. @defaultValue that in the URL, if any */
  readonly password?: string | undefined
}

interface EngineOptions extends LogOptions {
  readonly url: string
}

type OpenEngine = (options: EngineOptions) => Promise<EventLog>

/** An engine that several nodes can share. */
interface Engine extends LogPackage {
  readonly schemes: readonly string[]
}

/** A package that no other log needs. */
interface LogPackage {
  readonly package: string
  /** Its function that opens a log. */
  readonly open: string
}

const ENGINES: readonly Engine[] = [
  {
    schemes: ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel', 'redis+cluster', 'rediss+cluster'],
    package: '@tailrace/log-redis',
    open: 'openRedisLog',
  },
  { schemes: ['postgres', 'postgresql'], package: '@tailrace/log-postgres', open: 'openPostgresLog' },
  { schemes: ['nats', 'nats+tls'], package: '@tailrace/log-nats', open: 'openNatsLog' },
  { schemes: ['kafka', 'kafka+tls'], package: '@tailrace/log-kafka', open: 'openKafkaLog' },
]

/** Another process of this machine owns the log. */
const OWNED = 'ipc:'
const OWNED_LOG: LogPackage = { package: '@tailrace/log-ipc', open: 'openIpcLog' }

const ACCEPTED = [
  'sqlite:FILE',
  'memory:',
  ...ENGINES.flatMap(({ schemes }) => schemes.map((one) => `${one}://…`)),
  'ipc:SOCKET',
]

/**
 * Opens the log at a URL. A log on an engine needs the package of that engine, such as `@tailrace/log-redis`. It also opens
 * while the engine cannot be reached, and is opened again when the engine holds another one. The same applies to a log that
 * another process owns (`ipc:SOCKET`, `@tailrace/log-ipc`).
 *
 * @throws RangeError if the URL is not that of a log, LogError if the log cannot be used
 */
export async function openLog(url: string, options: LogOptions = {}): Promise<EventLog> {
  const engine = ENGINES.find(({ schemes }) => schemes.some((scheme) => url.startsWith(`${scheme}://`)))
  if (engine !== undefined) return openPackaged(engine, { ...options, url })
  if (options.password !== undefined) {
    throw new RangeError(`a password is only for a log on an engine, not for ${shownLog(url)}`)
  }
  if (url.startsWith(OWNED)) return openPackaged(OWNED_LOG, { ...options, url })
  if (url === 'memory:') {
    if (options.requireDurable !== true) return (await import('./memory-log.ts')).createMemoryLog()
    throw new LogError(
      'not-durable',
      'The log memory: loses every event when the hub stops: use another one.',
    )
  }
  if (url === 'sqlite::memory:') throw new RangeError('a log in memory is memory:, not sqlite::memory:')
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    const { openSqliteLog } = await import('./sqlite-log.ts')
    return openSqliteLog({ path: url.slice('sqlite:'.length) })
  }
  throw new RangeError(`a log must be one of ${ACCEPTED.join(', ')}, not ${JSON.stringify(shownLog(url))}`)
}

/** The URL of a log as it may be printed. */
export function shownLog(url: string): string {
  return url.startsWith('sqlite:') || url.startsWith(OWNED) ? url : withoutCredentials(url)
}

async function openPackaged(log: LogPackage, options: EngineOptions): Promise<EventLog> {
  const open = await load(log)
  return openReopeningLog(() => open(options))
}

/** Applications install only the package of their own engine, so bundlers must not look for the others. */
async function load(log: LogPackage): Promise<OpenEngine> {
  try {
    const module = await import(/* webpackIgnore: true */ /* @vite-ignore */ log.package)
    return (module as Record<string, OpenEngine>)[log.open]!
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    const message = `This log needs the package ${log.package}: install it next to @tailrace/hub.`
    throw new LogError('cannot-open', message, { cause })
  }
}
