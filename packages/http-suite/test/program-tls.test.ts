import { makeCertificate, needs, startHub, tempDir } from '@tailrace/testkit'
import type { Certificate, TempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'
import type { HttpSubject, SuiteLimits } from '../src/index.ts'
import { testContract } from './contract.ts'
import { argsFor, PROGRAM_ABILITIES, subjectOf } from './ways/program.ts'

const openssl = needs('openssl')

let dir: TempDir
let certificate: Certificate

beforeAll(() => {
  dir = tempDir()
  if (openssl) certificate = makeCertificate(dir.path)
})

afterAll(() => dir[Symbol.dispose]())

async function openSecurely(limits: SuiteLimits): Promise<HttpSubject> {
  const args = [...argsFor(limits), '--tls-cert', certificate.cert, '--tls-key', certificate.key]
  return subjectOf(await startHub({ args, log: 'memory:' }), certificate.pem)
}

describe.skipIf(!openssl)('with a certificate', () => {
  testContract({
    id: 'program-tls',
    name: '`tailrace serve` over TLS',
    abilities: [...PROGRAM_ABILITIES, 'http1'],
    open: openSecurely,
  })

  testContract({
    id: 'program-http2',
    name: '`tailrace serve` over HTTP/2',
    abilities: PROGRAM_ABILITIES,
    open: async (limits) => ({ ...(await openSecurely(limits)), httpVersion: 2 }),
  })
})
