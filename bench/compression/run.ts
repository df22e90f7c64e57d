import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { openReaders } from '../load/readers.ts'
import { get } from '../peer.ts'
import { fillIn } from '../peers/template.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { countCpu } from '../usage.ts'
import { orderOf } from './events.ts'

// node --conditions=@tailrace/source bench/compression/run.ts [READERS,… [BYTES,…]]
// Prints what compression costs and saves, as rows of a table.

const HUB = join(import.meta.dirname, '../../packages/server/src/main.ts')
const [READERS = '1,100,2000', BYTES = '100,1000,10000'] = process.argv.slice(2)
const EVENTS = 200
const WARM_UP = 80
const RATE = 40
/** Wide enough that all numbers have the same length. */
const FIRST = 1_000_000
const WAYS = ['identity', 'compress', 'nginx'] as const
type Way = (typeof WAYS)[number]

interface Served {
  readonly hub: number
  /** Where readers connect. */
  readonly port: number
  readonly servers: readonly ServerProcess[]
}

async function serve(way: Way, dir: string, port: number): Promise<Served> {
  const flags = ['--log', 'memory:', '--port', String(port), '--anonymous-publish', '--anonymous-subscribe']
  const limits = ['--max-streams-per-address', '0', ...(way === 'compress' ? ['--compress'] : [])]
  const args = ['--max-semi-space-size=4', '--conditions=@tailrace/source', HUB, 'serve', ...flags, ...limits]
  const hub = await startServer({ file: process.execPath, args, ports: [port] })
  if (way !== 'nginx') return { hub: port, port, servers: [hub] }
  const config = fillIn('../compression/nginx.conf', dir, { PORT: port + 1, HUB: port, DIR: dir })
  const nginx = await startServer({ file: 'nginx', args: ['-p', dir, '-c', config], ports: [port + 1] })
  return { hub: port, port: port + 1, servers: [hub, nginx] }
}

/** A reader that decodes, and tells when each order arrived. */
async function decode(port: number, encoding: string, arrived: (order: number) => void): Promise<() => void> {
  const headers = { accept: 'text/event-stream', 'accept-encoding': encoding }
  const sent = request({ port, host: '127.0.0.1', path: '/topics/orders', headers, agent: false })
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject).end(),
  )
  const isGzip = response.headers['content-encoding'] === 'gzip'
  if (isGzip !== (encoding === 'gzip')) throw new Error('the stream has an encoding that was not expected')
  const text = isGzip ? response.pipe(createGunzip()) : response
  let rest = ''
  text.setEncoding('utf8')
  text.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const order = /^data: \{"order":(\d+)/.exec(line)?.[1]
      if (order !== undefined) arrived(Number(order))
    }
  })
  text.on('error', () => undefined)
  return () => void sent.destroy()
}

async function trial(way: Way, count: number, bytes: number, port: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-bench-'))
  const served = await serve(way, dir, port)
  const encoding = way === 'identity' ? 'identity' : 'gzip'
  const due = new Map<number, number>()
  const latencies: number[] = []
  let seen = 0
  let [wanted, settle] = [Infinity, (): void => undefined]
  const arrival = (events: number): Promise<void> =>
    new Promise((resolve) => {
      ;[wanted, settle] = [events, resolve]
      if (seen >= wanted) settle()
    })
  try {
    const close = await decode(served.port, encoding, (order) => {
      latencies.push(performance.now() - due.get(order)!)
      seen += 1
      if (seen >= wanted) settle()
    })
    await using readers = await openReaders(
      get(served.port, '/topics/orders', { 'Accept-Encoding': encoding }),
      { count, processes: Math.min(2, count) },
    )
    async function publish(from: number, events: number): Promise<void> {
      const began = performance.now()
      for (let order = from; order < from + events; order += 1) {
        const at = began + ((order - from) * 1000) / RATE
        await sleep(Math.max(0, at - performance.now()))
        due.set(order, performance.now())
        const response = await fetch(`http://127.0.0.1:${served.hub}/topics/orders`, {
          method: 'POST',
          headers: { 'X-Event-Type': 'order.updated' },
          body: orderOf(bytes, order),
        })
        if (!response.ok) throw new Error(await response.text())
        await response.arrayBuffer()
      }
      await arrival(from + events - FIRST)
    }
    await publish(FIRST, WARM_UP)
    await readers.reset()
    latencies.length = 0
    const cpu = served.servers.map((server) => countCpu(server.pids()))
    await publish(FIRST + WARM_UP, EVENTS)
    await sleep(200)
    const micros = cpu.map((read) => read()).reduce((sum, one) => sum + one, 0)
    const { bytes: received } = await readers.report()
    const deliveries = EVENTS * count
    const sorted = latencies.toSorted((a, b) => a - b)
    const row = [
      `${bytes} B`,
      count,
      way,
      (micros / deliveries).toFixed(2),
      (received / deliveries).toFixed(0),
      sorted[Math.floor(sorted.length / 2)]!.toFixed(1),
      sorted[Math.floor(sorted.length * 0.99)]!.toFixed(1),
    ]
    process.stdout.write(`| ${row.join(' | ')} |\n`)
    close()
  } finally {
    for (const server of served.servers.toReversed()) await server.stop()
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
}

process.stdout.write('| event | readers | | CPU µs per delivery | bytes per delivery | p50 ms | p99 ms |\n')
process.stdout.write('| --- | --: | --- | --: | --: | --: | --: |\n')
let port = 23_000
for (const bytes of BYTES.split(',').map(Number))
  for (const count of READERS.split(',').map(Number))
    for (const way of WAYS) await trial(way, count, bytes, (port += 10))
