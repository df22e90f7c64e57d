import { join } from 'node:path'
import { get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'

/** Not a hub: the cost of Node's own sockets for the same work. */
export const nodeLoop: Peer = {
  name: 'node-loop',
  title: 'net.Socket loop',
  stored: 'nowhere',
  durability: 'none: a loop over open sockets, knows no topics',
  resumes: false,
  isHub: false,

  version: () => Promise.resolve(process.versions.node),

  start({ port }) {
    const app = join(import.meta.dirname, 'node-loop/app.ts')
    return startServer({ file: process.execPath, args: [app, String(port)], ports: [port] })
  },

  subscribe: ({ port }, topic) => get(port, `/${topic}`),
  publish: ({ port }, topic, data) => post(port, `/${topic}`, data),
}
