import { get, type Peer, type Place, post } from '../peer.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { built, goSettings, versionOf } from './program.ts'
import { fillIn } from './template.ts'

/** With its memory engine, or with a Redis server that other nodes use too. */
export function startCentrifugo(place: Place, redisPort?: number): Promise<ServerProcess> {
  const { dir, port, certificate } = place
  const config = fillIn('centrifugo/config.json', dir, {
    PORT: port,
    ENGINE: redisPort === undefined ? 'memory' : 'redis',
    REDIS: `127.0.0.1:${redisPort ?? 6379}`,
    TLS: String(certificate !== undefined),
    CERT: certificate?.cert ?? '',
    KEY: certificate?.key ?? '',
  })
  return startServer({
    file: built('centrifugo'),
    args: ['--config', config],
    cwd: dir,
    env: goSettings(place),
    ports: [port],
  })
}

const API = { 'Content-Type': 'application/json', 'X-API-Key': 'bench' }

export const centrifugo: Peer = {
  name: 'centrifugo',
  title: 'Centrifugo',
  stored: 'nowhere',
  durability: 'none: memory engine without history, which is the default',
  resumes: false,
  protocols: ['tls', 'h2'],

  version: async () => versionOf(built('centrifugo'), ['version']),

  start: (place) => startCentrifugo(place),

  subscribe({ port }, topic) {
    const connect = JSON.stringify({ subs: { [topic]: {} } })
    return get(port, `/connection/uni_sse?cf_connect=${encodeURIComponent(connect)}`)
  },

  publish: ({ port }, topic, data) =>
    post(port, '/api/publish', JSON.stringify({ channel: topic, data }), API),

  publishBatch({ port }, topic, data) {
    const commands = data.map((one) => ({ publish: { channel: topic, data: one } }))
    return post(port, '/api/batch', JSON.stringify({ commands }), API)
  },
}
