import { fork } from 'node:child_process'
import { once } from 'node:events'
import { tempDir } from '@tailrace/testkit'
const here = import.meta.dirname
const [
  what = 'sqlite',
  mode = 'rate',
  amount = '200',
  seconds = '4',
  size = '100',
  watchers = '1',
  direct = '',
] = process.argv.slice(2)
using dir = tempDir()
const opts = {
  execArgv: [
    ...(process.env['PROF'] ? ['--cpu-prof', '--cpu-prof-dir=/tmp/ipc/prof'] : []),
    '--conditions=@tailrace/source',
    '--disable-warning=ExperimentalWarning',
  ],
}
const file = `${dir.path}/log.db`
const url = direct ? (what === 'sqlite' ? file : '') : `ipc:${dir.path}/s`
const ask = async (c: any, m: string) => {
  c.send(m)
  return (await once(c, 'message'))[0]
}
let owner: any
if (!direct) {
  owner = fork(`${here}/owner.ts`, [`${dir.path}/s`, ...(what === 'sqlite' ? [file] : [])], opts)
  await once(owner, 'message')
}
const ws: any[] = []
const count = direct ? 1 : 1 + Number(watchers)
// Those that watch first.
for (let i = 0; i < count; i++) {
  const w = fork(
    `${here}/node.ts`,
    [url, i === count - 1 || process.env['ALL'] ? mode : 'watch', amount, seconds, size, direct],
    opts,
  )
  await once(w, 'message')
  ws.push(w)
}
await Promise.all(ws.map((w) => ask(w, 'clear')))
const o0 = owner && (await ask(owner, 'cpu'))
const w0 = await Promise.all(ws.map((w) => ask(w, 'cpu')))
await Promise.all(ws.map((w) => ask(w, 'go')))
const w1 = await Promise.all(ws.map((w) => ask(w, 'cpu')))
const o1 = owner && (await ask(owner, 'cpu'))
const total = w1.reduce((s, w) => s + w.n, 0)
const us = (a: any, b: any) => ((b.user + b.system - a.user - a.system) / total).toFixed(1)
console.log(
  `${what} ${mode} ${amount} ${size}B ${direct}: ${(total / Number(seconds)).toFixed(0)}/s owner ${owner ? us(o0, o1) : '-'} µs/ev;`,
  ws
    .map(
      (_, i) =>
        `node${i} ${us(w0[i].cpu, w1[i].cpu)} µs/ev ack ${w1[i].toAck} tail ${w1[i].toTail} cross ${w1[i].cross}`,
    )
    .join(' | '),
)
for (const w of ws) w.kill()
owner?.kill()
