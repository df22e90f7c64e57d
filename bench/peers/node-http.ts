import { join } from 'node:path'
import { get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'

export const nodeHttp: Peer = {
  name: 'node-http',
  title: 'node:http loop',
  stored: 'nowhere',
  durability: 'none: a loop over open responses',
  resumes: false,
  protocols: ['tls'],

  version: () => Promise.resolve(process.versions.node),

  start({ port, certificate }) {
    const app = join(import.meta.dirname, 'node-http/app.ts')
    const files = certificate === undefined ? [] : [certificate.cert, certificate.key]
    return startServer({ file: process.execPath, args: [app, String(port), ...files], ports: [port] })
  },

  subscribe: ({ port }, topic) => get(port, `/${topic}`),
  publish: ({ port }, topic, data) => post(port, `/${topic}`, data),
}
