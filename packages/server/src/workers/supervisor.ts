import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServeValues } from '../cli/serve-settings.ts'
import type { Serving } from '../cli/serving.ts'
import { journalFor } from '../cli/journal.ts'
import { requireFree } from '../net/listen.ts'
import type { Journal } from '../observe/journal.ts'
import type { Line, Order, SupervisorCalls } from './calls.ts'
import { Collection } from './collection.ts'
import { everyoneOf } from './everyone.ts'
import { Holdings } from './holdings.ts'
import type { Holder } from './holdings.ts'
import { printableError } from './packed-error.ts'
import { Post } from './post.ts'
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
  const { host } = values
  const folder = isShared(values.log) ? undefined : mkdtempSync(join(tmpdir(), 'tailrace-log-'))
  const shares = workerValues(sharesOf(values, workers), folder)
  const ticketKeys = randomBytes(TICKET_KEY_BYTES)
  const holdings = new Holdings()
  const interrupted = new Set<string>()
  const crew: Post[] = []
  const posts: Post[] = []
  const collection = new Collection(crew, posts, holdings)
  let { port } = values
  let haveSocketsChanged = false

  function write(name: string, own: Journal, line: Line): void {
    if (line.kind === 'warn') own.warn(line.line)
    else if (line.kind === 'failed') own.failed(printableError(line.error))
    else if (line.kind === 'interrupted') {
      // One line for all workers.
      if (interrupted.size === 0) journal.interrupted(printableError(line.error))
      interrupted.add(name)
    } else resume(name)
  }

  function resume(name: string): void {
    if (interrupted.delete(name) && interrupted.size === 0) journal.resumed()
  }

  /** Answers one process. Its messages may arrive after its end. */
  function callsFor(post: Post, own: Journal, holder: Holder): SupervisorCalls {
    return {
      write: (line) => write(post.name, own, line),
      take: holder.take,
      release: holder.release,
      report({ sockets, spent }) {
        holder.setSockets(sockets)
        haveSocketsChanged = true
        if (spent.length === 0) return
        for (const other of crew) if (other !== post) other.link?.tell('spent', spent)
      },
      counted(counters) {
        if (holder.isOpen) collection.remember(post.name, counters)
      },
      everyone: (question, args) => everyoneOf(crew, question, args),
      collect: () => collection.collect(),
    }
  }

  /** @param number - of a worker, from 1; 0 is the owner */
  async function addPost(name: string, number: number, order: () => Order): Promise<Post> {
    const own = await journalFor({ isJson: values['json-logs'], from: name })
    let holder: Holder | undefined
    const post: Post = new Post({
      name,
      journal: own,
      order,
      calls() {
        holder = holdings.open(number)
        return callsFor(post, own, holder)
      },
      onGone() {
        holder?.close()
        haveSocketsChanged = true
        collection.retire(name)
        resume(name)
      },
    })
    posts.push(post)
    if (number > 0) crew.push(post)
    return post
  }

  function tellOthers(): void {
    if (!haveSocketsChanged) return
    haveSocketsChanged = false
    crew.forEach((post, i) => post.link?.tell('others', holdings.socketsBesides(i + 1)))
  }

  const timers = [
    setInterval(() => {
      for (const post of posts) post.beat()
    }, BEAT_MS),
    setInterval(tellOthers, OTHERS_MS),
  ]
  const killAll = (): void => {
    for (const post of posts) post.kill()
  }
  process.on('exit', killAll)

  async function stop(): Promise<void> {
    await Promise.all(crew.map((post) => post.stop(MAX_WORKER_STOP_MS)))
    await Promise.all(posts.map((post) => post.stop(MAX_OWNER_STOP_MS)))
    for (const timer of timers) clearInterval(timer)
    process.off('exit', killAll)
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }

  try {
    if (folder !== undefined) {
      const path = socketIn(folder)
      await (await addPost('log owner', 0, () => ({ role: 'owner', values, path }))).start()
    }
    for (let number = 1; number <= workers; number += 1) {
      const order = (): Order => ({
        role: 'worker',
        number,
        size: workers,
        ticketKeys,
        values: { ...shares, port },
      })
      await addPost(`worker ${number}`, number, order)
    }
    // If the system chooses the port, it chooses it for the first.
    if (port === 0) ({ port } = await crew[0]!.start())
    await Promise.all(crew.filter(({ link }) => link === undefined).map((post) => post.start()))
  } catch (error) {
    killAll()
    await stop()
    throw error
  }

  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `${values['tls-cert'] === undefined ? 'http' : 'https'}://${name}:${port}`,
    port,
    node: values.node ?? hostname(),
    async drain(overMs) {
      for (const post of posts) post.letEnd()
      await Promise.all(
        crew.map(async ({ link }) => {
          // A worker that is gone has no streams to end.
          await link?.ask('drain', overMs).catch(() => undefined)
        }),
      )
    },
    stop,
  }
}

/** Whether each worker can open the log by itself. */
function isShared(log: string): boolean {
  return !log.startsWith('sqlite:') && !log.startsWith('memory:')
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
