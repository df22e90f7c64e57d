import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'

import { alterUserScramCredentialsV0, saslScramSha, ScramMechanisms } from '@platformatic/kafka'
import { Durability } from '@tailrace/log/adapter'
import type { ConnectSequencer } from '@tailrace/log-sequencer'
import { expectRejection, rejection } from '@tailrace/log-suite'
import { freePort, makeCertificate, needs, startKafka, tempDir, type Kafka } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { connectKafka } from '../src/connect.ts'
import { parseKafkaUrl } from '../src/kafka-url.ts'
import { ask } from './cluster.ts'

const isPresent = needs('kafka') && needs('openssl')
const NEVER = new AbortController().signal
const ITERATIONS = 4_096
/** A broker closes a connection that has not proved again by then who it is. */
const SESSION_MS = 2_000

async function addScramUser(kafka: Kafka, name: string, password: string): Promise<void> {
  const salt = randomBytes(16)
  const definition = saslScramSha.ScramAlgorithms['SHA-512']
  const saltedPassword = await saslScramSha.hi(definition, password, salt, ITERATIONS)
  const mechanism = ScramMechanisms.SCRAM_SHA_512
  const user = { name, mechanism, iterations: ITERATIONS, salt, saltedPassword }
  await ask(kafka, (broker) => broker.call(alterUserScramCredentialsV0.api, [], [user]))
}

describe.skipIf(!isPresent)('a Kafka broker with TLS and users', () => {
  let kafka: Kafka
  let port: number
  let ca: string
  beforeAll(async () => {
    using dir = tempDir()
    const certificate = makeCertificate(dir.path)
    ca = certificate.pem
    const keystore = join(dir.path, 'keystore.pem')
    writeFileSync(keystore, `${readFileSync(certificate.key, 'utf8')}${ca}`)
    port = await freePort()
    const login = 'org.apache.kafka.common.security'
    kafka = await startKafka({
      second: { port, protocol: 'SASL_SSL' },
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:alice;User:bob',
        'listener.name.second.ssl.keystore.type': 'PEM',
        'listener.name.second.ssl.keystore.location': keystore,
        'listener.name.second.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
        'listener.name.second.plain.connections.max.reauth.ms': String(SESSION_MS),
        'listener.name.second.plain.sasl.jaas.config': `${login}.plain.PlainLoginModule required user_alice="s3cret" user_mallory="s3cret";`,
        'listener.name.second.scram-sha-512.sasl.jaas.config': `${login}.scram.ScramLoginModule required;`,
      },
    })
    await addScramUser(kafka, 'bob', 's3cret too')
  }, 60_000)
  afterAll(() => kafka[Symbol.asyncDispose]())

  function connectAs(
    userInfo: string,
    options: { sasl?: string; ca?: string | undefined; scheme?: string } = {},
  ): ConnectSequencer {
    const { sasl, scheme = 'kafka+tls' } = options
    const query = sasl === undefined ? '' : `?sasl=${sasl}`
    return connectKafka({
      address: parseKafkaUrl(`${scheme}://${userInfo}127.0.0.1:${port}/secured${query}`),
      ca: 'ca' in options ? options.ca : ca,
      durability: new Durability({}),
    })
  }

  test.each([
    ['alice:s3cret@', 'PLAIN'],
    ['bob:s3cret%20too@', undefined],
  ])('is used by %s', async (userInfo, sasl) => {
    const sequencer = await connectAs(userInfo, sasl === undefined ? {} : { sasl })(NEVER)
    const position = await sequencer.append(new Uint8Array(1))
    expect((await sequencer.describe()).newest).toBe(position)
    await sequencer.close()
  })

  test.each([
    ['a wrong password', 'alice:wr0ng@', 'PLAIN'],
    ['a wrong password of SCRAM', 'bob:wr0ng@', undefined],
    ['an unknown user', 'carol:wr0ng@', undefined],
    ['a mechanism that it lacks', 'bob:wr0ng@', 'SCRAM-SHA-256'],
  ])('rejects %s, without printing it', async (_, userInfo, sasl) => {
    const error = await expectRejection(
      connectAs(userInfo, sasl === undefined ? {} : { sasl })(NEVER),
      'unauthorized',
    )
    expect(textsOf(error)).not.toContain('wr0ng')
  })

  test('rejects a user without permissions, and says what is missing', async () => {
    const error = await expectRejection(
      connectAs('mallory:s3cret@', { sasl: 'PLAIN' })(NEVER),
      'unauthorized',
    )
    expect(error.message).toContain('TOPIC_AUTHORIZATION_FAILED')
    expect(textsOf(error)).not.toContain('s3cret')
  })

  test('is not trusted without its certificate', async () => {
    const error = await rejection(connectAs('alice:s3cret@', { sasl: 'PLAIN', ca: undefined })(NEVER))
    expect(error.message).toContain('self-signed certificate')
  })

  test('names the mechanisms that it has, if it lacks the one of the URL', async () => {
    const error = await rejection(connectAs('bob:s3cret@', { sasl: 'SCRAM-SHA-256' })(NEVER))
    expect(error.message).toMatch(/It offers .*PLAIN.*; choose one with \?sasl=/)
  })

  test('is not reached without TLS or a user, and the error names what may be missing', async () => {
    const plain = connectAs('alice:s3cret@', { sasl: 'PLAIN', scheme: 'kafka' })
    expect((await expectRejection(plain(NEVER), 'unreachable')).message).toContain('kafka+tls://')
    const anonymous = connectAs('')
    expect((await expectRejection(anonymous(NEVER), 'unreachable')).message).toContain(
      'kafka://user:password@host',
    )
  })

  test('asks for the password again during a connection, which continues', async () => {
    const sequencer = await connectAs('alice:s3cret@', { sasl: 'PLAIN' })(NEVER)
    let isLost = false
    void sequencer.lost.then(() => (isLost = true))
    await sequencer.consume(0, { async records() {} })
    const end = performance.now() + 3 * SESSION_MS
    while (performance.now() < end) await sequencer.append(new Uint8Array(1))
    expect(isLost).toBe(false)
    await sequencer.close()
  })

  test('refuses a user on a port that knows no users', async () => {
    const connect = connectKafka({
      address: parseKafkaUrl(`kafka://alice:s3cret@127.0.0.1:${kafka.port}/secured`),
      ca: undefined,
      durability: new Durability({}),
    })
    const error = await expectRejection(connect(NEVER), 'unauthorized')
    expect(textsOf(error)).not.toContain('s3cret')
  })
})

/** Everything that an error could print. */
function textsOf(error: unknown): string {
  return inspect(error, { depth: Infinity, showHidden: true })
}
