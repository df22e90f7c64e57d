import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

import { RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { LogErrorCode } from '@tailrace/log'
import { expectRejection, rejection } from '@tailrace/log-suite'
import { makeCertificate, needs, startNats, tempDir, type NatsServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { hazardsOf } from '../src/hazards.ts'
import { parseNatsUrl } from '../src/nats-url.ts'
import { administer, openNode } from './opening.ts'

const nats = needs('nats')

const USERS = `authorization { users: [
  { user: admin, password: hunter2 }
  { user: nothing, password: x, permissions: { publish: "nothing", subscribe: "_INBOX.>" } }
  { user: deaf, password: x, permissions: { publish: ">", subscribe: "nothing" } }
  { user: reader, password: x, permissions: { publish: ["$JS.API.>", "$JS.FC.>"], subscribe: "_INBOX.>" } }
  { user: writer, password: x, permissions: { publish: ["$JS.API.STREAM.>", "tailrace.>"], subscribe: "_INBOX.>" } }
  { user: least, password: x, permissions: {
    publish: [
      "$JS.API.STREAM.INFO.least", "$JS.API.STREAM.CREATE.least", "$JS.API.STREAM.PURGE.least"
      "$JS.API.CONSUMER.CREATE.least", "$JS.FC.least.>", "tailrace.least.*"
    ]
    subscribe: "_INBOX.>"
  } }
] }`

describe.skipIf(!nats)('a NATS log', { timeout: 30_000 }, () => {
  let server: NatsServer
  beforeAll(async () => {
    server = await startNats()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  /** What a refusal must say. */
  const refusal = (code: LogErrorCode, text: string): unknown =>
    expect.objectContaining({ code, message: expect.stringContaining(text) })

  test('refuses a server without JetStream', async () => {
    await using bare = await startNats({ jetStream: false })
    expect(await rejection(openNode(bare.url))).toEqual(
      refusal('incompatible', 'add jetstream {} to its configuration'),
    )
  })

  test('refuses an account without JetStream', async () => {
    const accounts = `accounts {
      A { users: [{ user: a, password: a }] }
      B { users: [{ user: b, password: b }], jetstream: enabled }
    }`
    await using shared = await startNats({ config: accounts })
    expect(await rejection(openNode(`nats://a:a@127.0.0.1:${shared.port}`))).toEqual(
      refusal('incompatible', 'for the account of this user'),
    )
  })

  test('refuses a server that is too old', async () => {
    const info = {
      server_id: 'x',
      version: '2.8.4',
      proto: 1,
      headers: true,
      max_payload: 1_000,
      jetstream: true,
    }
    const old = createServer((socket) => {
      socket.write(`INFO ${JSON.stringify(info)}\r\n`)
      socket.on('data', (data) => {
        if (data.includes('PING')) socket.write('PONG\r\n')
      })
      socket.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(old, 'listening')
    const { port } = old.address() as AddressInfo
    expect(await rejection(openNode(`nats://127.0.0.1:${port}`))).toEqual(
      refusal('incompatible', 'This is NATS 2.8.4: upgrade it to 2.9 or later'),
    )
    old.close()
  })

  test.each<[string, Partial<StreamConfig>]>([
    ['other subjects', { subjects: ['foreign.>'] }],
    ['more subjects', { subjects: ['tailrace.foreign.abc', 'more'] }],
    ['a wildcard', { subjects: ['tailrace.foreign.*'] }],
  ])('leaves alone a stream of somebody else, with %s', async (_, config) => {
    const name = 'foreign'
    const before = await administer(server, ({ streams }) => streams.add({ name, ...config }))
    expect(await rejection(openNode(`${server.url}/${name}`))).toEqual(
      refusal('foreign', 'The stream "foreign" is not a Tailrace log'),
    )
    const after = await administer(server, ({ streams }) => streams.info(name))
    expect(after.config).toEqual(before.config)
    await administer(server, ({ streams }) => streams.delete(name))
  })

  test('does not take subjects that another stream takes', async () => {
    await administer(server, ({ streams }) => streams.add({ name: 'other', subjects: ['tailrace.taken.>'] }))
    expect(await rejection(openNode(`${server.url}/taken`))).toEqual(
      refusal('foreign', 'takes the subjects tailrace.taken.*'),
    )
  })

  test.each<[string, Partial<StreamConfig>, string]>([
    ['interest', { retention: RetentionPolicy.Interest }, 'its retention is "interest"'],
    ['per-subject', { max_msgs_per_subject: 5 }, 'max_msgs_per_subject'],
    ['purge', { deny_purge: true }, 'denies purges'],
    ['silent', { no_ack: true }, 'acknowledges nothing'],
  ])('refuses a stream that cannot hold a log (%s)', async (name, config, text) => {
    await administer(server, ({ streams }) =>
      streams.add({ name, subjects: [`tailrace.${name}.abc`], ...config }),
    )
    expect(await rejection(openNode(`${server.url}/${name}`))).toEqual(refusal('incompatible', text))
  })

  test.each<[string, Partial<StreamConfig>, string]>([
    ['memory', { storage: StorageType.Memory }, 'is in memory'],
    ['old', { max_bytes: 1_000_000 }, 'drops its oldest records'],
    ['age', { max_age: 3_600e9 }, 'by their age'],
  ])(
    'warns of settings that lose events, or refuses them if it must be durable (%s)',
    async (name, config, text) => {
      await administer(server, ({ streams }) =>
        streams.add({ name, subjects: [`tailrace.${name}.abc`], ...config }),
      )
      const warnings: string[] = []
      await using node = await openNode(`${server.url}/${name}`, {
        warn: (sentence) => warnings.push(sentence),
      })
      await node.log.ready()
      expect(warnings.filter((sentence) => sentence.includes(text))).toHaveLength(1)
      const error = await expectRejection(
        openNode(`${server.url}/${name}`, { requireDurable: true }),
        'not-durable',
      )
      expect(error.message).toContain(text)
    },
  )

  test('warns that a power cut loses what NATS has not written yet', async () => {
    const warnings: string[] = []
    await using node = await openNode(`${server.url}/sync`, { warn: (sentence) => warnings.push(sentence) })
    await node.log.ready()
    expect(warnings.join()).toContain('before it writes them to the disk: a power cut loses them')
  })

  test.each([
    ['2.9.10', '', 'Upgrade to 2.10'],
    ['2.9.10', '?sync=always', 'Upgrade to 2.10'],
    ['2.15.1', '', 'add ?sync=always to the URL'],
    ['2.15.1', '?sync=always', undefined],
  ])('with NATS %s, the URL %s leaves this to warn of: %s', async (version, query, text) => {
    const connection = { info: { version } } as NatsConnection
    const { config } = await administer(server, ({ streams }) =>
      streams.add({ name: 'plain', subjects: ['plain'] }),
    )
    const found = hazardsOf(connection, { config } as StreamInfo, parseNatsUrl(`nats://localhost${query}`))
    expect(found).toEqual(text === undefined ? [] : [expect.stringContaining(text)])
  })

  test('asks for fewer replicas where there is no cluster', async () => {
    expect(await rejection(openNode(`${server.url}/three?replicas=3`))).toEqual(
      refusal('incompatible', '?replicas=1'),
    )
  })

  test('needs TLS if its URL says so', async () => {
    expect(await rejection(openNode(`nats+tls://127.0.0.1:${server.port}`))).toEqual(
      refusal('incompatible', 'does not support TLS'),
    )
  })

  test('uses TLS, and trusts no certificate that Node does not trust', async () => {
    using dir = tempDir()
    const { cert, key, pem } = makeCertificate(dir.path)
    await using secure = await startNats({ config: `tls { cert_file: "${cert}", key_file: "${key}" }` })
    const url = `nats+tls://127.0.0.1:${secure.port}`
    await using untrusting = await openNode(url)
    expect((await rejection(untrusting.log.ready())).message).toContain('self-signed certificate')
    const trusted = getCACertificates()
    setDefaultCACertificates([...trusted, pem])
    try {
      await using node = await openNode(url)
      await node.log.ready()
    } finally {
      setDefaultCACertificates(trusted)
    }
  })

  describe('with users', () => {
    let guarded: NatsServer
    const at = (user: string, stream: string): string => `nats://${user}@127.0.0.1:${guarded.port}/${stream}`
    beforeAll(async () => {
      guarded = await startNats({ config: USERS })
      await using _ = await openNode(at('admin:hunter2', 'tailrace'))
    })
    afterAll(() => guarded[Symbol.asyncDispose]())

    test('takes the password from an option', async () => {
      await using node = await openNode(at('admin', 'tailrace'), { password: 'hunter2' })
      await expect(node.log.ready()).resolves.toBeUndefined()
    })

    test('refuses wrong credentials, and repeats no password', async () => {
      for (const login of ['admin:hunter3', 'admin', 'nobody:hunter3']) {
        const error = await expectRejection(openNode(at(login, 'tailrace')), 'unauthorized')
        expect(`${error.message} ${String(error.cause)}`).not.toContain('hunter3')
      }
    })

    test.each([
      ['nothing', 'may not publish to "$JS.API.STREAM.INFO.tailrace"'],
      ['deaf', 'may not subscribe to "_INBOX.'],
      ['writer', 'may not publish to "$JS.API.CONSUMER.CREATE.tailrace"'],
    ])('names the subject that the user "%s" lacks', async (user, text) => {
      expect(await rejection(openNode(at(`${user}:x`, 'tailrace')))).toEqual(refusal('unauthorized', text))
    })

    test('rejects only publishes if only those are forbidden', async () => {
      await using node = await openNode(at('reader:x', 'tailrace'))
      const error = await expectRejection(node.log.append([{ topic: 'a', data: '' }]), 'unauthorized')
      expect(error.message).toContain('may not publish to "tailrace.tailrace.')
      await node.log.describe()
    })

    test('needs no more permissions than its documentation lists', async () => {
      await using node = await openNode(at('least:x', 'least'))
      await node.log.append([{ topic: 'a', data: 'x'.repeat(900_000) }])
      await node.log.append([{ topic: 'a', data: 'x'.repeat(900_000) }])
      expect(await node.log.retention.purge('a')).toBe(true)
      await expect(node.log.ready()).resolves.toBeUndefined()
    })
  })
})
