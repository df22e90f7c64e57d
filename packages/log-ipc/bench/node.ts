import { createMemoryLog, openLog, openSqliteLog } from '@tailrace/log'

// modes: rate R | flood C
const [url, mode, amount, seconds, size, direct] = process.argv.slice(2) as string[]
const log =
  direct === 'direct'
    ? url === ''
      ? createMemoryLog()
      : await openSqliteLog({ path: url! })
    : await openLog(url!)
const sent = new Map<string, number>()
const toTail: number[] = []
const toAck: number[] = []
const cross: number[] = []
let seen = 0
await log.tail({
  events(events) {
    const now = performance.now()
    const wall = Number(process.hrtime.bigint()) / 1e6
    for (const { data } of events) {
      seen += 1
      const at = sent.get(data)
      if (at !== undefined) {
        toTail.push(now - at)
      } else cross.push(wall - Number(data.slice(0, 20)))
    }
  },
  purged() {},
  lost() {
    console.error('lost')
  },
  interrupted(e) {
    console.error(e)
  },
  resumed() {},
  failed(e) {
    console.error(e)
  },
})
const stamp = () => (Number(process.hrtime.bigint()) / 1e6).toFixed(4).padStart(20, '0') + process.pid
const pad = 'x'.repeat(Math.max(0, Number(size) - 30))
let n = 0
async function one() {
  const data = `${stamp()}${n++}${pad}`
  const t = performance.now()
  sent.set(data, t)
  await log.append([{ topic: `t/${n % 50}`, data }])
  toAck.push(performance.now() - t)
  sent.delete(data)
}
if (mode !== 'watch')
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let i = 0; i < 1500; i++) await one()
    }),
  )
await new Promise((r) => setTimeout(r, 200))
toTail.length = 0
toAck.length = 0
n = 0
seen = 0
process.send!('ready')
process.on('SIGTERM', () => process.exit())
process.on('message', async (m) => {
  if (m === 'clear') {
    cross.length = 0
    return process.send!(0)
  }
  if (m === 'cpu')
    return process.send!({
      cpu: process.cpuUsage(),
      seen,
      n,
      toTail: q(toTail),
      toAck: q(toAck),
      cross: q(cross),
    })
  const end = performance.now() + Number(seconds) * 1000
  if (mode === 'rate') {
    const every = 1000 / Number(amount)
    let next = performance.now()
    while (performance.now() < end) {
      await one()
      next += every
      await new Promise((r) => setTimeout(r, Math.max(0, next - performance.now())))
    }
  } else if (mode === 'flood') {
    await Promise.all(
      Array.from({ length: Number(amount) }, async () => {
        while (performance.now() < end) await one()
      }),
    )
  } else await new Promise((r) => setTimeout(r, Number(seconds) * 1000))
  await new Promise((r) => setTimeout(r, 300))
  process.send!('done')
})
function q(a: number[]) {
  a.sort((x, y) => x - y)
  const at = (p: number) =>
    a.length ? +a[Math.min(a.length - 1, Math.floor(a.length * p))]!.toFixed(3) : undefined
  return [at(0.5), at(0.99), a.length]
}
