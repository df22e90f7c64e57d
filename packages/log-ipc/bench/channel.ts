// What the channel adds to a publish: the time until a tail reports the event, and the CPU time on both sides.
// Run: node --conditions=@tailrace/source packages/log-ipc/bench/channel.ts
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createMemoryLog, openSqliteLog, type EventLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'

import { openIpcLog, serveLog } from '../src/index.ts'

const SECONDS = 4
/** Enough for the compiler. */
const WARM_UP = 20_000
const DATA = 'x'.repeat(100)
const SCENARIOS = ['200', 'flood'] as const

interface Report {
  readonly cpu: NodeJS.CpuUsage
  readonly events: number
  /** Milliseconds from the call of `append` until the tail of the same process reports the event. */
  readonly median: number
}

const [role, ...args] = process.argv.slice(2)
if (role === 'owner') await own(args[0]!, args[1]!)
else if (role === 'node') await runNode(args[0]!, args[1]!, args[2]!)
else await compare()

async function openOwned(kind: string, path: string): Promise<EventLog & Parameters<typeof serveLog>[0]> {
  return kind === 'memory' ? createMemoryLog() : openSqliteLog({ path })
}

async function own(kind: string, folder: string): Promise<void> {
  await serveLog(await openOwned(kind, join(folder, 'log.db')), join(folder, 'log'))
  process.on('message', () =>
    process.send!({ cpu: process.cpuUsage(), events: 0, median: 0 } satisfies Report),
  )
  process.send!('ready')
}

/** @param way - `channel`, `watch` for a node that only follows, or the kind of a log in this process */
async function runNode(way: string, scenario: string, folder: string): Promise<void> {
  const isRemote = way === 'channel' || way === 'watch'
  const log = isRemote
    ? await openIpcLog({ url: `ipc:${join(folder, 'log')}` })
    : await openOwned(way, join(folder, 'log.db'))
  const began = new Map<number, number>()
  let times: number[] = []
  await log.tail({
    events(events) {
      const now = performance.now()
      for (const { time, data } of events) {
        const at = began.get(Number(data.slice(DATA.length)))
        if (at !== undefined && time > 0) times.push(now - at)
      }
    },
    purged() {},
    lost() {},
    interrupted() {},
    resumed() {},
    failed() {},
  })
  let n = 0
  async function publish(): Promise<void> {
    n += 1
    const number = n
    began.set(number, performance.now())
    await log.append([{ topic: 'a', data: `${DATA}${number}` }])
    began.delete(number)
  }
  async function publishFor(ms: number): Promise<void> {
    const end = performance.now() + ms
    if (scenario === 'flood') {
      const writers = Array.from({ length: 64 }, async () => {
        while (performance.now() < end) await publish()
      })
      await Promise.all(writers)
      return
    }
    while (performance.now() < end) {
      await publish()
      await new Promise((resolve) => setTimeout(resolve, 1_000 / Number(scenario)))
    }
  }
  if (way !== 'watch')
    for (let i = 0; i < WARM_UP; i += 50) await Promise.all(Array.from({ length: 50 }, publish))
  process.on('message', (message) => {
    if (message === 'go') {
      times = []
      n = 0
      void publishFor(SECONDS * 1_000).then(() => process.send!('done'))
    } else {
      const sorted = times.toSorted((a, b) => a - b)
      const median = sorted[Math.floor(sorted.length / 2)] ?? 0
      process.send!({ cpu: process.cpuUsage(), events: n, median } satisfies Report)
    }
  })
  process.send!('ready')
}

async function start(...parameters: readonly string[]): Promise<ChildProcess> {
  const child = fork(import.meta.filename, parameters)
  await once(child, 'message')
  return child
}

async function ask(child: ChildProcess, message: string): Promise<Report> {
  const answered = once(child, 'message') as Promise<[Report]>
  child.send(message)
  return (await answered)[0]
}

async function compare(): Promise<void> {
  for (const kind of ['memory', 'sqlite']) {
    for (const scenario of SCENARIOS) {
      for (const way of ['direct', 'channel']) console.log(await measure(kind, scenario, way === 'channel'))
    }
  }
}

async function measure(kind: string, scenario: string, isRemote: boolean): Promise<string> {
  using dir = tempDir()
  const children = isRemote
    ? [await start('owner', kind, dir.path), await start('node', 'watch', scenario, dir.path)]
    : []
  const publisher = await start('node', isRemote ? 'channel' : kind, scenario, dir.path)
  children.unshift(publisher)
  const before = await Promise.all(children.map((child) => ask(child, 'report')))
  await ask(publisher, 'go')
  const after = await Promise.all(children.map((child) => ask(child, 'report')))
  for (const child of children) child.kill()
  const { events, median } = after[0]!
  const costs = after.map(({ cpu }, i) => {
    const used = cpu.user + cpu.system - before[i]!.cpu.user - before[i]!.cpu.system
    return `${['publisher', 'owner', 'watcher'][i]} ${(used / events).toFixed(1)} µs`
  })
  const way = isRemote ? 'over the channel' : 'in the process'
  const rate = scenario === 'flood' ? '64 writers' : `${scenario} events/s`
  return `${kind} ${way}, ${rate}: ${Math.round(events / SECONDS)}/s, median ${median.toFixed(3)} ms; ${costs.join(', ')}`
}
