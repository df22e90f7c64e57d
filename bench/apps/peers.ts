import { join } from 'node:path'
import { get, type Peer, type Place, post, type WireRequest } from '../peer.ts'
import { betterSse } from '../peers/better-sse.ts'
import { tailrace } from '../peers/tailrace.ts'
import { type ServerProcess, startServer } from '../server-process.ts'

/** Starts a program of this folder, which listens on the port of the place. */
export function startProgram(
  { port }: Place,
  name: string,
  ...args: readonly string[]
): Promise<ServerProcess> {
  return startServer({
    file: process.execPath,
    args: ['--conditions=@tailrace/source', join(import.meta.dirname, name), String(port), ...args],
    env: { NODE_ENV: 'production' },
    ports: [port],
  })
}

/** The data is JSON: the app parses it, and publishes an object. */
const ADDRESSES = {
  subscribe: ({ port }: Place, topic: string): WireRequest => get(port, `/events/${topic}`),
  publish: ({ port }: Place, topic: string, data: string): WireRequest =>
    post(port, `/events/${topic}`, data, { 'Content-Type': 'application/json' }),
}

/** The same Express app with one library or the other. */
export const apps: readonly Peer[] = [
  {
    ...tailrace,
    ...ADDRESSES,
    title: 'Tailrace: serve()',
    start: (place) => startProgram(place, 'express/tailrace.ts', `sqlite:${place.dir}/log.db`),
  },
  {
    ...betterSse,
    ...ADDRESSES,
    start: (place) => startProgram(place, 'express/better-sse.ts'),
  },
]
