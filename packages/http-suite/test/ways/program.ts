import type { IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { get as getSecurely } from 'node:https'
import { json } from 'node:stream/consumers'
import type { HubProcess } from '@tailrace/testkit'
import type { HttpAbility, HttpSubject, SuiteLimits } from '../../src/index.ts'
import { HEARTBEAT_MS, ORIGIN } from './constants.ts'

/** Nothing is limited for this machine, so requests seem to come from elsewhere. */
export const FORWARDED = { 'x-forwarded-for': '203.0.113.7' }
const FROM_ELSEWHERE = ['--trust-proxy', '127.0.0.1', '--anonymous-subscribe', '--anonymous-publish']

/** The arguments for a subject with these limits. */
export function argsFor(limits: SuiteLimits): string[] {
  const { maxStreamsPerAddress, publishRate, maxConnections, maxStreamAgeMs } = limits
  const options = {
    heartbeat: `${HEARTBEAT_MS}ms`,
    'allow-origin': ORIGIN,
    drain: '0s',
    'max-streams-per-address': maxStreamsPerAddress,
    'publish-rate': publishRate,
    'max-connections': maxConnections,
    'max-stream-age': maxStreamAgeMs === undefined ? undefined : `${maxStreamAgeMs}ms`,
  }
  const args = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
  return Object.keys(limits).length === 0 ? args : [...args, ...FROM_ELSEWHERE]
}

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
  'limits',
  'count',
  'drain',
]

export function subjectOf(hub: HubProcess, ca?: string): HttpSubject {
  return {
    url: hub.url,
    ca,
    headers: FORWARDED,
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
