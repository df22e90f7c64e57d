import type { IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { get as getSecurely } from 'node:https'
import { json } from 'node:stream/consumers'
import type { HubProcess } from '@tailrace/testkit'
import type { HttpAbility, HttpSubject } from '../../src/index.ts'
import { HEARTBEAT_MS, ORIGIN } from './constants.ts'

export const PROGRAM_ARGS: string[] = [
  '--heartbeat',
  `${HEARTBEAT_MS}ms`,
  '--allow-origin',
  ORIGIN,
  '--drain',
  '0s',
]

export const PROGRAM_ABILITIES: readonly HttpAbility[] = [
  'publish',
  'history',
  'protocol',
  'topics',
  'connections',
  'health',
  'origins',
  'cors',
  'listener',
  'count',
  'drain',
]

export function subjectOf(hub: HubProcess, ca?: string): HttpSubject {
  return {
    url: hub.url,
    ca,
    allowedOrigin: ORIGIN,
    async openStreams(topic) {
      const { connections } = await ask<Connections>(`${hub.url}/connections?limit=1000`, ca)
      return connections.filter(({ topics }) => topics.includes(topic)).length
    },
    async drain() {
      void hub.kill()
    },
    async close() {
      await hub.kill('SIGKILL')
    },
  }
}

interface Connections {
  readonly connections: readonly { readonly topics: readonly string[] }[]
}

async function ask<T>(url: string, ca: string | undefined): Promise<T> {
  const send = url.startsWith('https:') ? getSecurely : get
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, { ca }, resolve).on('error', reject)
  })
  return (await json(response)) as T
}
