import { makeCertificate, needs, startHub, tempDir } from '@tailrace/testkit'
import type { Certificate, HubProcess, TempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'
import { testHttp } from '../src/index.ts'
import type { HttpAbility, HttpSubject } from '../src/index.ts'

const openssl = needs('openssl')
const ORIGIN = 'https://app.example'
const ARGS = ['--heartbeat', '300ms', '--allow-origin', ORIGIN, '--drain', '0s']

const ALL: readonly HttpAbility[] = [
  'publish',
  'history',
  'protocol',
  'topics',
  'connections',
  'health',
  'origins',
  'listener',
  'drain',
]

let dir: TempDir
let certificate: Certificate

beforeAll(() => {
  dir = tempDir()
  if (openssl) certificate = makeCertificate(dir.path)
})

afterAll(() => dir[Symbol.dispose]())

function subjectOf(hub: HubProcess): HttpSubject {
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

function startSecurely(): Promise<HubProcess> {
  return startHub({ args: [...ARGS, '--tls-cert', certificate.cert, '--tls-key', certificate.key] })
}

testHttp('tailrace serve', async () => subjectOf(await startHub({ args: ARGS })), { abilities: [...ALL, 'http1'] })

describe.skipIf(!openssl)('over TLS', () => {
  testHttp(
    'tailrace serve, TLS',
    async () => ({ ...subjectOf(await startSecurely()), ca: certificate.pem }),
    { abilities: [...ALL, 'http1'] },
  )
  testHttp(
    'tailrace serve, HTTP/2',
    async () => ({ ...subjectOf(await startSecurely()), ca: certificate.pem, httpVersion: 2 }),
    { abilities: ALL },
  )
})
