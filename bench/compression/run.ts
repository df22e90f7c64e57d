import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { openReaders, type Readers } from '../load/readers.ts'
import { get } from '../peer.ts'
import { fillIn } from '../peers/template.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { countCpu } from '../usage.ts'
import { orderOf } from './events.ts'

// node --conditions=@tailrace/source bench/compression/run.ts [READERS,… [BYTES,… [WAY,…]]]
// Prints what compression costs and saves, as rows of a table. The ways take turns second by second on one hub, so that
// they share whatever else happens on the machine, and the figures are medians of the turns.

const HUB = join(import.meta.dirname, '../../packages/server/src/main.ts')
const [READERS = '1,100,2000', BYTES = '100,1000,10000', WAYS = 'identity,compress,nginx'] =
  process.argv.slice(2)
const RATE = 40
const ROUNDS = 12
const TURN_SECONDS = 1
const SETTLE_MS = 200
/** Wide enough that all numbers have the same length. */
const FIRST = 1_000_000

interface Way {
  readonly name: string
  readonly topic: string
  readonly readers: Readers
  /** When each order was published, and how long it took to arrive. */
  readonly due: Map<number, number>
  readonly latencies: number[]
  readonly micros: number[]
  readonly bytes: number[]
  readonly close: () => void
  next: number
}

/** A reader that decodes, and tells when each order arrived. */
async function decode(
  port: number,
  topic: string,
  encoding: string,
  arrived: (order: number) => void,
): Promise<() => void> {
  const headers = { accept: 'text/event-stream', 'accept-encoding': encoding }
  const sent = request({ port, host: '127.0.0.1', path: `/topics/${topic}`, headers, agent: false })
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject).end(),
  )
  const coding = response.headers['content-encoding'] ?? 'identity'
  if (coding !== encoding) throw new Error(`the stream has the coding ${coding} instead of ${encoding}`)
  const text = coding === 'gzip' ? response.pipe(createGunzip()) : response
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

async function openWay(name: string, port: number, count: number): Promise<Way> {
  const encoding = name === 'identity' ? 'identity' : 'gzip'
  const topic = `orders-${name}`
  const due = new Map<number, number>()
  const latencies: number[] = []
  const close = await decode(port, topic, encoding, (order) =>
    latencies.push(performance.now() - due.get(order)!),
  )
  const readers = await openReaders(get(port, `/topics/${topic}`, { 'Accept-Encoding': encoding }), {
    count,
    processes: Math.min(2, count),
  })
  return { name, topic, readers, due, latencies, micros: [], bytes: [], close, next: FIRST }
}

async function publish(way: Way, hub: number, bytes: number): Promise<void> {
  const began = performance.now()
  for (let i = 0; i < TURN_SECONDS * RATE; i += 1) {
    await sleep(Math.max(0, began + (i * 1000) / RATE - performance.now()))
    const order = way.next
    way.next += 1
    way.due.set(order, performance.now())
    const headers = { 'Event-Type': 'order.updated' }
    const body = orderOf(bytes, order)
    const response = await fetch(`http://127.0.0.1:${hub}/topics/${way.topic}`, {
      method: 'POST',
      headers,
      body,
    })
    if (!response.ok) throw new Error(await response.text())
    await response.arrayBuffer()
  }
}

/** Waits until the readers of a way receive nothing more. */
async function settle({ readers }: Way): Promise<number> {
  for (let before = -1; ; await sleep(SETTLE_MS)) {
    const { bytes } = await readers.report()
    if (bytes === before) return bytes
    before = bytes
  }
}

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? Number.NaN
}

async function trial(count: number, bytes: number, port: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-bench-'))
  const servers: ServerProcess[] = []
  const ways: Way[] = []
  try {
    const settings = ['--anonymous-publish', '--anonymous-subscribe', '--max-streams-per-address', '0']
    const where = ['--log', 'memory:', '--port', String(port), '--compress', '--heartbeat', '10m']
    const runtime = ['--max-semi-space-size=4', '--conditions=@tailrace/source']
    const args = [...runtime, HUB, 'serve', ...where, ...settings]
    servers.push(await startServer({ file: process.execPath, args, ports: [port] }))
    const config = fillIn('../compression/nginx.conf', dir, { PORT: port + 1, HUB: port, DIR: dir })
    servers.push(await startServer({ file: 'nginx', args: ['-p', dir, '-c', config], ports: [port + 1] }))
    const pids = servers.flatMap((server) => server.pids())
    for (const name of WAYS.split(','))
      ways.push(await openWay(name, name === 'nginx' ? port + 1 : port, count))
    for (let round = 0; round <= ROUNDS; round += 1) {
      // Another one is first each time.
      for (const way of ways.map((_, i) => ways[(i + round) % ways.length]!)) {
        await way.readers.reset()
        const micros = countCpu(pids)
        await publish(way, port, bytes)
        const received = await settle(way)
        const deliveries = TURN_SECONDS * RATE * count
        way.micros.push(micros() / deliveries)
        way.bytes.push(received / deliveries)
        // The first turn compiles and fills caches.
        if (round === 0) for (const all of [way.micros, way.bytes, way.latencies]) all.length = 0
      }
    }
    for (const { name, micros, bytes: sizes, latencies } of ways) {
      const figures = [quantile(micros, 0.5).toFixed(2), quantile(sizes, 0.5).toFixed(0)]
      const times = [quantile(latencies, 0.5).toFixed(1), quantile(latencies, 0.99).toFixed(1)]
      process.stdout.write(`| ${[`${bytes} B`, count, name, ...figures, ...times].join(' | ')} |\n`)
    }
  } finally {
    for (const way of ways) {
      way.close()
      await way.readers[Symbol.asyncDispose]()
    }
    for (const server of servers.toReversed()) await server.stop()
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
}

process.stdout.write('| event | readers | | CPU µs per delivery | bytes per delivery | p50 ms | p99 ms |\n')
process.stdout.write('| --- | --: | --- | --: | --: | --: | --: |\n')
let port = 23_000
for (const bytes of BYTES.split(',').map(Number))
  for (const count of READERS.split(',').map(Number)) await trial(count, bytes, (port += 10))
