import { findPackageJSON } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AbsentError, get, type Peer, post } from '../peer.ts'
import { startServer } from '../server-process.ts'

export const betterSse: Peer = {
  name: 'better-sse',
  title: 'better-sse',
  stored: 'nowhere',
  durability: 'none: a library that broadcasts and forgets',
  resumes: false,

  version() {
    try {
      const manifest = findPackageJSON('better-sse', import.meta.url)
      const { version } = JSON.parse(readFileSync(manifest ?? '', 'utf8')) as { version: string }
      return Promise.resolve(version)
    } catch (error) {
      return Promise.reject(new AbsentError('the npm package better-sse is not installed', { cause: error }))
    }
  },

  start({ port }) {
    const app = join(import.meta.dirname, 'better-sse/app.ts')
    return startServer({ file: process.execPath, args: [app, String(port)], ports: [port] })
  },

  subscribe: ({ port }, topic) => get(port, `/${topic}`),
  publish: ({ port }, topic, data) => post(port, `/${topic}`, data),
}
