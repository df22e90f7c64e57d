import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServeValues } from '../cli/serve-settings.ts'
import type { Serving } from '../cli/serving.ts'
import { claim } from '../net/claim.ts'
import { requireFree } from '../net/listen.ts'
import type { Journal } from '../observe/journal.ts'
import { Children } from './children.ts'
import { sharesOf } from './shares.ts'

/** How often the processes are asked whether they still answer. */
const BEAT_MS = 1_000
/** How often the workers learn of the connections of the others. */
const OTHERS_MS = 250
/** Time for a worker to complete its last answers, and to close. */
const MAX_WORKER_STOP_MS = 4_500
/** Time for the owner to write what is left to write. A disk may be slow. */
const MAX_OWNER_STOP_MS = 30_000
/** The bytes that TLS needs for the keys of session tickets. */
const TICKET_KEY_BYTES = 48

export interface SupervisorOptions {
  readonly values: ServeValues
  readonly workers: number
  readonly journal: Journal
}

/**
 * Runs a hub in several processes: workers, which share the port, and, for a log that only one process can open, an owner,
 * which serves it to them. This process serves nothing. It starts the others, replaces them, and knows what they have
 * together.
 *
 * @throws ListenError, or FailedElsewhere if one of them cannot start
 */
export async function supervise({ values, workers, journal }: SupervisorOptions): Promise<Serving> {
  await requireFree(values)
  await requireFree({ ...values, reusePort: true })
  const claimed = await claim(values)
  const folder = isShared(values.log) ? undefined : mkdtempSync(join(tmpdir(), 'tailrace-log-'))
  const children = new Children({ journal, isJson: values['json-logs'] })
  const timers = [
    setInterval(() => children.beat(), BEAT_MS),
    setInterval(() => children.tellOthers(), OTHERS_MS),
  ]
  process.on('exit', abandon)

  /** However this process ends: nothing of it is left. */
  function abandon(): void {
    children.kill()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }

  async function stop(): Promise<void> {
    await Promise.all(children.workers.map((post) => post.stop(MAX_WORKER_STOP_MS)))
    await Promise.all(children.posts.map((post) => post.stop(MAX_OWNER_STOP_MS)))
    for (const timer of timers) clearInterval(timer)
    claimed?.close()
    process.off('exit', abandon)
    abandon()
  }

  try {
    const port = await start(children, { values, workers, folder })
    return {
      url: urlOf(values, port),
      port,
      node: values.node ?? hostname(),
      async drain(overMs) {
        for (const post of children.posts) post.letEnd()
        await Promise.all(
          children.workers.map(async ({ link }) => {
            // A worker that is gone has no streams to end.
            await link?.ask('drain', overMs).catch(() => undefined)
          }),
        )
      },
      stop,
    }
  } catch (error) {
    children.kill()
    await stop()
    throw error
  }
}

/** Starts the owner, if there is one, and then the workers. Resolves with their port once all are ready. */
async function start(
  children: Children,
  { values, workers, folder }: Pick<SupervisorOptions, 'values' | 'workers'> & { folder: string | undefined },
): Promise<number> {
  let { port } = values
  const ticketKeys = randomBytes(TICKET_KEY_BYTES)
  const shares = workerValues(sharesOf(values, workers), folder)
  if (folder !== undefined) {
    const path = socketIn(folder)
    const owner = await children.addOwner(() => ({ role: 'owner', values, path }))
    await owner.start()
  }
  for (let added = 0; added < workers; added += 1) {
    await children.addWorker((number) => ({
      role: 'worker',
      number,
      size: workers,
      ticketKeys,
      values: { ...shares, port },
    }))
  }
  const [first, ...others] = children.workers
  // If the system chooses the port, it chooses it for the first worker.
  if (port === 0) ({ port } = await first!.start())
  else others.push(first!)
  await Promise.all(others.map((post) => post.start()))
  return port
}

/**
 * Whether each worker opens the log by itself. A file or a log in memory cannot be opened twice; and for NATS and Kafka,
 * each node keeps an index, which one process builds for all.
 */
function isShared(log: string): boolean {
  return /^(?:redis|postgres)/.test(log)
}

function socketIn(folder: string): string {
  return join(folder, 'log')
}

/** The settings of a worker. If the log has an owner, only that knows what is to be opened, and how. */
function workerValues(values: ServeValues, folder: string | undefined): ServeValues {
  if (folder === undefined) return values
  return {
    ...values,
    log: `ipc:${socketIn(folder)}`,
    'log-password-file': undefined,
    'require-durable': false,
  }
}

function urlOf({ host, 'tls-cert': cert }: ServeValues, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `${cert === undefined ? 'http' : 'https'}://${name}:${port}`
}
