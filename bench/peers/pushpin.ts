import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { get, type Peer, type Place, post, type WireRequest } from '../peer.ts'
import { startServer, withCompanions } from '../server-process.ts'
import { versionOf } from './program.ts'
import { fillIn } from './template.ts'

const publishPort = ({ port }: Place) => port + 1
const backendPort = ({ port }: Place) => port + 2

const START_TIMEOUT_MS = 20_000

/** Its ports accept connections before its parts have found each other. Until then it responds with 502, or not at all. */
async function serves(port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (let good = 0; good < 10;) {
    const isServed = await streams(port)
    good = isServed ? good + 1 : 0
    if (!isServed && performance.now() > deadline) throw new Error('Pushpin answers no reader')
    if (!isServed) await sleep(50)
  }
}

async function streams(port: number): Promise<boolean> {
  try {
    const { ok, body } = await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(1000) })
    await body?.cancel()
    return ok
  } catch {
    return false
  }
}

export const pushpin: Peer = {
  name: 'pushpin',
  title: 'Pushpin',
  stored: 'nowhere',
  durability: 'none: Pushpin stores nothing, and drops what exceeds its queues',
  resumes: false,

  version: () => versionOf('pushpin', ['--version']),

  // The backend is the user's application, which responds once per reader: its CPU is not counted for Pushpin.
  async start(place) {
    const { dir, port } = place
    const BACKEND_PORT = backendPort(place)
    const PUBLISH_PORT = publishPort(place)
    const backend = await startServer({
      file: process.execPath,
      args: [join(import.meta.dirname, 'pushpin/backend.ts'), String(BACKEND_PORT)],
      ports: [BACKEND_PORT],
    })
    try {
      fillIn('pushpin/routes', dir, { BACKEND_PORT })
      const config = fillIn('pushpin/pushpin.conf', dir, { DIR: dir, PORT: port, PUBLISH_PORT })
      const server = await startServer({
        file: 'pushpin',
        args: [`--config=${config}`, '--merge-output'],
        ports: [port, PUBLISH_PORT],
      })
      try {
        await serves(port)
      } catch (error) {
        await server.stop()
        throw error
      }
      return withCompanions(server, [backend])
    } catch (error) {
      await backend.stop()
      throw error
    }
  },

  subscribe: ({ port }, topic) => get(port, `/${topic}`),

  publish: (place, topic, data) => publishItems(place, topic, [data]),
  publishBatch: publishItems,
}

function publishItems(place: Place, topic: string, data: readonly string[]): WireRequest {
  const items = data.map((one) => ({
    channel: topic,
    formats: { 'http-stream': { content: `data: ${one}\n\n` } },
  }))
  return post(publishPort(place), '/publish', JSON.stringify({ items }), {
    'Content-Type': 'application/json',
  })
}
