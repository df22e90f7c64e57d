import { once } from 'node:events'
import { connect } from 'node:http2'
import { connectRaw } from '../../../http/test/raw-connection.ts'
import { ask } from '../../../http/test/hostile/asking.ts'
import type { Attack } from './attack.ts'
import { expectAlive } from './attack.ts'

const HALF_HEADS = 400
const RESETS = 2_000
const GET = 'GET /topics/t HTTP/1.1\r\nHost: localhost\r\n'
const POST = 'POST /topics/t HTTP/1.1\r\nHost: localhost\r\n'

async function told(port: number, request: string): Promise<string> {
  const { status, code } = await ask(port, request)
  return status === 0 ? 'closed' : `${status} ${code ?? ''}`.trim()
}

/** What so many connections were told that send this and then nothing more, while others are served. */
async function starve(hub: Parameters<Attack['run']>[0], count: number, text: string): Promise<string> {
  const all = Array.from({ length: count }, () => connectRaw(hub.port))
  for (const raw of all) raw.send(text)
  await expectAlive(hub)
  const answers = await Promise.all(all.map((raw) => raw.closed))
  const codes = new Set(answers.map((answer) => /"code":"([^"]+)"/.exec(answer)?.[1] ?? 'closed'))
  return `${count} × ${[...codes].join(', ')}`
}

/** What is done with connections and the frames of HTTP. */
export const CONNECTION_ATTACKS: readonly Attack[] = [
  {
    name: `slowloris: ${HALF_HEADS} half heads`,
    answer: `${HALF_HEADS} × request-timeout`,
    run: (hub) => starve(hub, HALF_HEADS, 'GET /topics/t HTTP/1.1\r\nHost: loc'),
  },
  {
    name: 'slow bodies: 200 halves',
    answer: '200 × request-timeout',
    run: (hub) => starve(hub, 200, `${POST}Content-Length: 10\r\n\r\nhalf`),
  },
  {
    name: 'silence: 200 connections that say nothing',
    answer: '200 × request-timeout',
    run: (hub) => starve(hub, 200, ''),
  },
  {
    name: 'header bomb: one of 1 MB',
    answer: /^(431 head-too-large|closed)$/,
    run: ({ port }) => told(port, `${GET}X: ${'x'.repeat(1_000_000)}\r\n\r\n`),
  },
  {
    name: 'header bomb: 2,000 of them',
    answer: '431 head-too-large',
    run: ({ port }) => told(port, `${GET}${'X: y\r\n'.repeat(2_000)}\r\n`),
  },
  {
    name: 'pipelining: 65 streams at once',
    answer: 'closed',
    async run({ port }) {
      using raw = connectRaw(port)
      raw.send(`${GET}\r\n`.repeat(65))
      return (await raw.closed) === '' ? 'closed' : 'answered'
    },
  },
  {
    name: 'smuggling: a length and chunks',
    answer: '400 malformed-request',
    run: ({ port }) => told(port, `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`),
  },
  {
    name: 'smuggling: two lengths',
    answer: '400 malformed-request',
    run: ({ port }) => told(port, `${GET}Content-Length: 0\r\nContent-Length: 5\r\n\r\n`),
  },
  {
    name: 'smuggling: a bare LF as a line end',
    answer: '400 malformed-request',
    run: ({ port }) => told(port, `GET /topics/t HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n`),
  },
  {
    name: 'a NUL in a header',
    answer: '400 malformed-request',
    run: ({ port }) => told(port, `${GET}X: a\0b\r\n\r\n`),
  },
  {
    name: 'TLS where there is none',
    answer: '400 malformed-request',
    run: ({ port }) => told(port, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  },
  {
    name: `HTTP/2 rapid reset: ${RESETS} streams opened and cancelled`,
    answer: /^cut|served$/,
    async run({ url }) {
      const session = connect(url)
      session.on('error', () => {})
      let isCut = false
      session.on('close', () => (isCut = true))
      await once(session, 'connect')
      for (let i = 0; i < RESETS && !session.destroyed; i += 1) {
        const stream = session.request({ ':path': '/topics/t' })
        stream.on('error', () => {})
        stream.close(8)
        if (i % 100 === 0) await new Promise(setImmediate)
      }
      session.destroy()
      return isCut ? 'cut' : 'served'
    },
  },
  {
    name: 'HTTP/2: a preface and then noise',
    answer: 'closed',
    async run({ port }) {
      using raw = connectRaw(port)
      raw.send(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(4_096, 0xff)]))
      await raw.closed
      return 'closed'
    },
  },
]
