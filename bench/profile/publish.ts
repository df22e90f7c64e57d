import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '../load/publish.ts'
import { EVENT_DATA } from '../measure.ts'
import { post } from '../peer.ts'
import { startServer } from '../server-process.ts'
import { sharesOf } from './shares.ts'

/**
 * Where the time of a durable publish goes, on the main thread of a hub:
 * `node --conditions=@tailrace/source bench/profile/publish.ts [another checkout]`. The log is in memory (`/dev/shm`), so that
 * the disk of the machine does not count.
 */

const PORT = 21_790
const LOAD = { connections: 64, rate: 0, seconds: 3 }

const checkout = process.argv[2] ?? join(import.meta.dirname, '../..')
const dir = mkdtempSync('/dev/shm/tailrace-profile-')
const file = join(dir, 'profile.json')
const hub = [join(checkout, 'packages/server/src/main.ts'), 'serve', '--port', String(PORT)]
const flags = [
  '--max-semi-space-size=4',
  '--conditions=@tailrace/source',
  '--import',
  join(import.meta.dirname, 'sampler.ts'),
]
const server = await startServer({
  file: process.execPath,
  args: [...flags, ...hub, '--log', `sqlite:${dir}/log.db`],
  env: { TAILRACE_PROFILE: file },
  ports: [PORT],
})
try {
  const [pid] = server.pids() as [number]
  const request = post(PORT, '/topics/ledger', EVENT_DATA)
  await publish(request, LOAD)
  // Without the profiler, which costs time itself.
  const before = mainThreadMicros(pid)
  const { acked, perSecond } = await publish(request, LOAD)
  const micros = (mainThreadMicros(pid) - before) / acked
  process.kill(pid, 'SIGUSR2')
  await publish(request, LOAD)
  process.kill(pid, 'SIGUSR2')
  while (!existsSync(file)) await sleep(100)
  await sleep(500)
  const shares = sharesOf(JSON.parse(readFileSync(file, 'utf8')) as Profiler.Profile)
  const line = (part: string, spent: number): string => `| ${part} | ${spent.toFixed(1)} |`
  const rows = Array.from(shares, ([part, share]) => line(part, share * micros))
  console.log(
    [
      `| µs of a publish, at ${Math.round(perSecond)}/s | |`,
      '| --- | --: |',
      ...rows,
      line('all', micros),
    ].join('\n'),
  )
} finally {
  await server.stop()
  rmSync(dir, { recursive: true })
}

function mainThreadMicros(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1_000
}
