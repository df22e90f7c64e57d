import { Auditor, startHub } from '@tailrace/testkit'
import type { Random, Verdict } from '@tailrace/testkit'
import { readHistory } from '@tailrace/client'
import { bearer, KEYS, ticketOf, tokenOf } from '../auth/tokens.ts'
import { Publisher } from '../nodes/publisher.ts'
import { Reader } from '../nodes/reader.ts'
import { until } from '../nodes/until.ts'
import { childOf } from './children.ts'

const PUBLISHERS = ['p0', 'p1', 'p2', 'p3']
const READERS = 8
/** The maximum number of events that are acknowledged between two faults. */
const MAX_EVENTS = 40
const CATCH_UP_MS = 60_000

/** What happens to one process: it dies, or it stands still until the hub kills it. */
export type Fault = readonly [signal: 'SIGKILL' | 'SIGSTOP', name: string]

export interface Audit extends Verdict {
  readonly refused: number
  readonly interruptions: number
  readonly longestPublishMs: number
  readonly longestSilenceMs: number
  /** How often each process was replaced, as the hub counts it. */
  readonly replacements: Readonly<Record<string, number>>
  readonly output: string
}

/** Runs a hub on SQLite with two workers under load, while its processes die, and finds out whether anybody lost anything. */
export async function auditWorkers(random: Random, faults: readonly Fault[], workers = 2): Promise<Audit> {
  await using hub = await startHub({
    env: KEYS,
    args: ['--workers', `${workers}`, '--retry', '200ms', '--heartbeat', '1s', '--drain', '200ms'],
  })
  const { url } = hub
  const token = await tokenOf({ publish: ['audit/*'], subscribe: ['audit/*'], admin: true })
  const auditor = new Auditor()
  const readers = await Promise.all(
    Array.from({ length: READERS }, async (_, i) => {
      const ticket = await ticketOf(url, token, ['audit/*'])
      return new Reader(
        auditor.addReader(PUBLISHERS, `reader ${i}`),
        `${url}/events?topic=audit/*&from=start&ticket=${ticket}`,
      )
    }),
  )
  let acknowledged = 0
  const publishers = PUBLISHERS.map(
    (name) => new Publisher(auditor, name, { url, topic: `audit/${name}`, token, pauseMs: 5 }),
  )
  const count = (): number => PUBLISHERS.reduce((sum, name) => sum + auditor.offsetsOf(name).length, 0)

  for (const [signal, name] of faults) {
    acknowledged = count() + random.int(1, MAX_EVENTS)
    await until(`${acknowledged} events are acknowledged`, () => count() >= acknowledged)
    await until(`there is a ${name}`, () => childOf(hub.pid, name) !== undefined)
    process.kill(childOf(hub.pid, name)!.pid, signal)
  }
  let metrics = ''
  await until('all processes are back', async () => {
    const init = { headers: bearer(token), signal: AbortSignal.timeout(5_000) }
    const ask = (path: string): Promise<string> =>
      fetch(`${url}${path}`, init)
        .then((response) => response.text())
        .catch(() => '')
    metrics = await ask('/metrics')
    const up = metrics.match(/^tailrace_worker_up\{worker="\d+"\} 1$/gm) ?? []
    return up.length === workers && (await ask('/readyz')).includes('ready')
  })
  const counts = metrics.matchAll(/^tailrace_replacements_total\{process="(.*)"\} (\d+)$/gm)
  const replacements = Object.fromEntries([...counts].map(([, name, times]) => [name!, Number(times)]))
  acknowledged = count() + MAX_EVENTS
  await until('publishers go on', () => count() >= acknowledged)
  await Promise.all(publishers.map((publisher) => publisher.finish(CATCH_UP_MS)))
  await until('every reader has everything', () => auditor.isDelivered)
  for (const name of PUBLISHERS) {
    const stored = []
    const pages = readHistory(`${url}/topics/audit/${name}`, { headers: bearer(token) }).pages()
    for await (const { events } of pages) stored.push(...events)
    auditor.compare(name, stored)
  }
  for (const reader of readers) reader.close()
  const { code } = await hub.kill('SIGTERM')
  if (code !== 0) auditor.report(`the hub ended with ${code}`)
  return {
    ...auditor.verdict(),
    refused: publishers.reduce((sum, { refused }) => sum + refused, 0),
    interruptions: readers.reduce((sum, { interruptions }) => sum + interruptions, 0),
    longestPublishMs: Math.max(...publishers.map(({ longestMs }) => longestMs)),
    longestSilenceMs: Math.max(...readers.map(({ longestMs }) => longestMs)),
    replacements,
    output: hub.output(),
  }
}

/** Random faults of random processes. */
export function faultsFor(random: Random, count: number, workers = 2): Fault[] {
  const names = ['log owner', ...Array.from({ length: workers }, (_, i) => `worker ${i + 1}`)]
  return Array.from({ length: count }, () => [random.chance(0.2) ? 'SIGSTOP' : 'SIGKILL', random.pick(names)])
}
