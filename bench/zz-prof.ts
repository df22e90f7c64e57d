import { mkdtempSync, readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { apps } from '/work/wt/bench/bench/apps/peers.ts'
import { openReaders } from '/work/wt/bench/bench/load/readers.ts'
import { markedData } from '/work/wt/bench/bench/load/mark.ts'
import { publish } from '/work/wt/bench/bench/load/publish.ts'
const [app, bytes, rate, secs, port, prof] = process.argv.slice(2)
const dir = mkdtempSync('/tmp/prof-')
const place = { port: Number(port), dir }
const child = spawn(
  process.execPath,
  [
    ...(prof ? ['-r', '/tmp/tries/exit.cjs', '--cpu-prof', '--cpu-prof-dir=/tmp/prof-out'] : []),
    '--conditions=@tailrace/source',
    `/work/wt/bench/bench/apps/express/${app}.ts`,
    port,
    `sqlite:${dir}/log.db`,
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'production' } },
)
await sleep(1500)
await using readers = await openReaders(apps[0]!.subscribe(place, 'p'), { count: 2000, processes: 2 })
const request = apps[0]!.publish(place, 'p', markedData(Number(bytes)))
await publish(request, { connections: 8, rate: Number(rate), seconds: 2 })
const cpu = () =>
  readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13).map(Number)
const a = cpu()
await readers.reset()
await publish(request, { connections: 8, rate: Number(rate), seconds: Number(secs) })
await sleep(500)
const b = cpu()
const r = await readers.report()
console.log(
  app,
  bytes,
  'user',
  ((b[0]! - a[0]!) * 1e4) / r.deliveries,
  'system',
  ((b[1]! - a[1]!) * 1e4) / r.deliveries,
  'p50',
  r.latency.quantileMs(0.5),
  'p99',
  r.latency.quantileMs(0.99),
)
child.kill('SIGINT')
await sleep(1000)
