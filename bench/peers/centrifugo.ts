import { get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'
import { built, versionOf } from './program.ts'
import { fillIn } from './template.ts'

export const centrifugo: Peer = {
  name: 'centrifugo',
  title: 'Centrifugo',
  stored: 'nowhere',
  durability: 'none: memory engine without history, which is the default',
  resumes: false,

  version: async () => versionOf(built('centrifugo'), ['version']),

  start({ dir, port }) {
    const config = fillIn('centrifugo/config.json', dir, { PORT: port })
    return startServer({ file: built('centrifugo'), args: ['--config', config], cwd: dir, ports: [port] })
  },

  subscribe({ port }, topic) {
    const connect = JSON.stringify({ subs: { [topic]: {} } })
    return get(port, `/connection/uni_sse?cf_connect=${encodeURIComponent(connect)}`)
  },

  publish: ({ port }, topic, data) =>
    post(port, '/api/publish', JSON.stringify({ channel: topic, data }), {
      'Content-Type': 'application/json',
      'X-API-Key': 'bench',
    }),
}
