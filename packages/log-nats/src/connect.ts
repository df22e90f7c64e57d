import { connect, errors, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { LogError } from '@tailrace/log'

import { toLogError } from './errors.ts'
import { findServer } from './greeting.ts'
import type { NatsAddress } from './nats-url.ts'

/** The first release in which consumers can be created by name, like every consumer of this package. */
const MIN_VERSION = [2, 9] as const

type Login = Pick<ConnectionOptions, 'user' | 'pass' | 'token'>

/** A server that does not answer a PING before the second one is lost. */
const PING_INTERVAL_MS = 2_000

/**
 * Connects to one of the servers. It has no life after that connection: the log decides when to connect again.
 *
 * @throws LogError `unreachable`, `unauthorized` or `incompatible`
 */
export async function connectTo(address: NatsAddress, signal: AbortSignal): Promise<NatsConnection> {
  const server = await findServer(address.servers, signal)
  const connection = await handshake(address, server)
  if (signal.aborted) {
    await connection.close()
    throw new LogError('unreachable', `${server} did not answer in time.`)
  }
  try {
    assertVersion(connection.info!.version)
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}

async function handshake(address: NatsAddress, server: string): Promise<NatsConnection> {
  const { user, password, usesTls } = address
  try {
    return await connect({
      servers: server,
      name: 'tailrace',
      timeout: 3_000,
      reconnect: false,
      ignoreClusterUpdates: true,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
      noAsyncTraces: true,
      ...loginOf(user, password),
      ...(usesTls ? { tls: {} } : {}),
    })
  } catch (error) {
    if (error instanceof errors.ConnectionError && error.message.includes("support 'tls'")) {
      throw new LogError('incompatible', `${server} does not support TLS: use nats:// or configure it.`, {
        cause: error,
      })
    }
    throw toLogError(error, 'read')
  }
}

/** Whoever has only a user or a password has a token. */
function loginOf(user: string | undefined, password: string | undefined): Login {
  const token = user ?? password
  if (token === undefined) return {}
  return user === undefined || password === undefined ? { token } : { user, pass: password }
}

function assertVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1])) return
  const needed = MIN_VERSION.join('.')
  throw new LogError('incompatible', `This is NATS ${version}: upgrade it to ${needed} or later.`, {
    details: { version, needed },
  })
}
