import type { HubProcess } from '@tailrace/testkit'
import type { HttpAbility, HttpSubject } from '../../src/index.ts'
import { HEARTBEAT_MS, ORIGIN } from './hub.ts'

export const PROGRAM_ARGS: string[] = ['--heartbeat', `${HEARTBEAT_MS}ms`, '--allow-origin', ORIGIN, '--drain', '0s']

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
  'drain',
]

export function subjectOf(hub: HubProcess): HttpSubject {
  return {
    url: hub.url,
    allowedOrigin: ORIGIN,
    async drain() {
      void hub.kill()
    },
    async close() {
      await hub.kill('SIGKILL')
    },
  }
}
