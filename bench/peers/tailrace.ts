import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { get, type Peer, type Place, post } from '../peer.ts'
import { type ServerProcess, startServer } from '../server-process.ts'

const SERVER = join(import.meta.dirname, '../../packages/server')

/** A hub on the log at a URL. */
export function startHub({ port }: Place, log: string): Promise<ServerProcess> {
  // What docs/operating/running.md recommends for many readers.
  const args = [
    '--max-semi-space-size=4',
    '--conditions=@tailrace/source',
    join(SERVER, 'src/main.ts'),
    'serve',
  ]
  const settings = ['--port', String(port), '--log', log]
  return startServer({ file: process.execPath, args: [...args, ...settings], ports: [port] })
}

export const tailrace: Peer = {
  name: 'tailrace',
  title: 'Tailrace',
  stored: 'on disk',
  durability: 'SQLite, WAL, synchronous=FULL: each event is on disk before it is acknowledged or seen',
  resumes: true,

  version() {
    const { version } = JSON.parse(readFileSync(join(SERVER, 'package.json'), 'utf8')) as { version: string }
    return Promise.resolve(version)
  },

  start: (place) => startHub(place, `sqlite:${place.dir}/log.db`),

  subscribe: ({ port }, topic, lastEventId) =>
    get(port, `/topics/${topic}`, lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),

  publish: ({ port }, topic, data) => post(port, `/topics/${topic}`, data),

  publishedId: (answer) => (JSON.parse(answer) as { id: string }).id,
}

/** The same without durability: what is left is the cost of delivery. */
export const tailraceMemory: Peer = {
  ...tailrace,
  name: 'tailrace-memory',
  title: 'Tailrace, memory log',
  stored: 'in memory',
  durability: 'none: the log is lost with the process',
  resumes: false,

  start: (place) => startHub(place, 'memory:'),
}
