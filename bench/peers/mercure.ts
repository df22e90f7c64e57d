import { createHmac } from 'node:crypto'
import { get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'
import { built, goSettings, versionOf } from './program.ts'
import { fillIn } from './template.ts'

const HUB = '/.well-known/mercure'
const SECRET = '!ChangeThisMercureHubJWTSecretKey!'
const TOKEN = signed({ mercure: { publish: ['*'] } })

export const mercure: Peer = {
  name: 'mercure',
  title: 'Mercure',
  stored: 'on disk',
  durability: 'Bolt: each event is in the store, after an fsync of its own, before it is acknowledged',
  resumes: true,
  protocols: ['tls', 'h2'],

  version: async () => versionOf(built('mercure'), ['build-info'], /dunglas\/mercure\s+v?([\d.]+)/),

  start(place) {
    const { dir, port, certificate } = place
    const config = fillIn('mercure/Caddyfile', dir, {
      PORT: port,
      DIR: dir,
      SCHEME: certificate === undefined ? 'http' : 'https',
      CERTIFICATE: certificate === undefined ? '' : `tls ${certificate.cert} ${certificate.key}`,
    })
    const args = ['run', '--config', config, '--adapter', 'caddyfile']
    return startServer({
      file: built('mercure'),
      args,
      cwd: dir,
      env: { XDG_DATA_HOME: dir, HOME: dir, ...goSettings(place) },
      ports: [port],
    })
  },

  subscribe: ({ port }, topic, lastEventId) =>
    get(port, `${HUB}?topic=${topic}`, lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),

  publish: ({ port }, topic, data) =>
    post(port, HUB, `topic=${topic}&data=${data}`, {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: `Bearer ${TOKEN}`,
    }),

  publishedId: (answer) => answer,
}

function signed(claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}
