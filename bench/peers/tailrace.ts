import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { get, type Peer, type Place, post } from '../peer.ts'
import { type ServerProcess, startServer } from '../server-process.ts'

const SERVER = join(import.meta.dirname, '../../packages/server')
const READY_TIMEOUT_MS = 20_000

/** A hub on the log at a URL, with further flags. */
export async function startHub(
  place: Place,
  log: string,
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const { port, workers = 1, certificate } = place
  // What docs/operating/running.md recommends for many readers.
  const args = [
    '--max-semi-space-size=4',
    '--conditions=@tailrace/source',
    join(SERVER, 'src/main.ts'),
    'serve',
  ]
  const settings = ['--port', String(port), '--log', log, ...flags]
  if (workers !== 1) settings.push('--workers', String(workers))
  if (certificate !== undefined) settings.push('--tls-cert', certificate.cert, '--tls-key', certificate.key)
  const hub = await startServer({
    file: process.execPath,
    args: [...args, ...settings],
    ports: [port],
    ...(workers === 1 ? {} : { listeners: workers }),
  })
  if (certificate !== undefined) return hub
  try {
    await untilReady(port)
    return hub
  } catch (error) {
    await hub.stop()
    throw error
  }
}

/** A hub listens before it has reached its engine. */
async function untilReady(port: number): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`)
      const text = await response.text()
      if (response.ok) return
      if (performance.now() > deadline) throw new Error(`the hub is not ready: ${text}`)
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await sleep(50)
  }
}

export const tailrace: Peer = {
  name: 'tailrace',
  title: 'Tailrace',
  stored: 'on disk',
  durability: 'SQLite, WAL, synchronous=FULL: each event is on disk before it is acknowledged or seen',
  resumes: true,
  protocols: ['tls', 'h2'],

  version() {
    const { version } = JSON.parse(readFileSync(join(SERVER, 'package.json'), 'utf8')) as { version: string }
    return Promise.resolve(version)
  },

  start: (place) => startHub(place, `sqlite:${place.dir}/log.db`),

  subscribe: ({ port }, topic, lastEventId) =>
    get(port, `/topics/${topic}`, lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),

  publish: ({ port }, topic, data) => post(port, `/topics/${topic}`, data),

  publishedId: (answer) => (JSON.parse(answer) as { id: string }).id,

  publishBatch({ port }, topic, data) {
    const lines = data.map((one) => `${JSON.stringify({ data: one })}\n`).join('')
    return post(port, `/topics/${topic}`, lines, { 'Content-Type': 'application/x-ndjson' })
  },
}

/** As durable as the peers that store in memory. */
export const tailraceMemory: Peer = {
  ...tailrace,
  name: 'tailrace-memory',
  title: 'Tailrace, memory log',
  stored: 'in memory',
  durability: 'none: `--log memory:`, and a restart loses them',
  resumes: false,
  start: (place) => startHub(place, 'memory:'),
}
