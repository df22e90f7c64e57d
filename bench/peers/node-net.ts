import { join } from 'node:path'
import { get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'

/** Not a hub: the cost of Node for the same work. */
export const nodeNet: Peer = {
  name: 'node-net',
  title: 'floor: net.Socket in Node',
  stored: 'nowhere',
  durability: 'none: a loop over sockets, which knows no topics and queues without bound',
  resumes: false,
  isHub: false,

  version: () => Promise.resolve(process.versions.node),

  start({ port }) {
    const app = join(import.meta.dirname, 'node-net/app.ts')
    return startServer({ file: process.execPath, args: [app, String(port)], ports: [port] })
  },

  subscribe: ({ port }, topic) => get(port, `/${topic}`),
  publish: ({ port }, topic, data) => post(port, `/${topic}`, data),
}
