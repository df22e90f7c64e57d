import { join } from 'node:path'
import { get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'

export const nodeHttp: Peer = {
  name: 'node-http',
  title: 'node:http loop',
  stored: 'nowhere',
  durability: 'none: a loop over open responses',
  resumes: false,

  version: () => Promise.resolve(process.versions.node),

  start({ port }) {
    const app = join(import.meta.dirname, 'node-http/app.ts')
    return startServer({ file: process.execPath, args: [app, String(port)], ports: [port] })
  },

  subscribe: ({ port }, topic) => get(port, `/${topic}`),
  publish: ({ port }, topic, data) => post(port, `/${topic}`, data),
}
