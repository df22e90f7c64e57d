import type { HostAndPort } from '@tailrace/log/adapter'
import { LogError } from '@tailrace/log'

import { Connection, type Reply } from './connection.ts'
import type { RedisAddress } from './url.ts'

/** How long Sentinels and nodes of a cluster may take to say where the log is. */
const ASK_TIMEOUT_MS = 2_000

/** An answer, and how recent it is. */
interface Answer {
  readonly at: HostAndPort
  readonly version: number
}

/** Finds the server to which the log is written now. @throws LogError */
export async function findPrimary(
  address: RedisAddress,
  base: string,
  signal: AbortSignal,
): Promise<HostAndPort> {
  const { kind, hosts } = address
  if (kind === 'server') return hosts[0]!
  const ask = kind === 'sentinel' ? askSentinel : askCluster
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT_MS)])
  const asked = await Promise.allSettled(hosts.map((host) => ask(address, host, base, inTime)))
  const answers = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  // One that was cut off from the others may still know the previous server.
  const [newest] = answers.toSorted((one, other) => other.version - one.version)
  if (newest !== undefined) return newest.at
  const reasons = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason as LogError] : []))
  throw reasons.find(({ code }) => code !== 'unreachable') ?? reasons[0]!
}

async function askSentinel(
  address: RedisAddress,
  host: HostAndPort,
  _base: string,
  signal: AbortSignal,
): Promise<Answer> {
  const { master } = address
  const reply = await askOne(address, host, signal, ['SENTINEL', 'MASTER', master])
  const fields = new Map<string, string>()
  const list = reply as readonly string[]
  for (let i = 1; i < list.length; i += 2) fields.set(list[i - 1]!, list[i]!)
  const at = { host: fields.get('ip') ?? '', port: Number(fields.get('port')) }
  return { at, version: Number(fields.get('config-epoch') ?? 0) }
}

async function askCluster(
  address: RedisAddress,
  host: HostAndPort,
  base: string,
  signal: AbortSignal,
): Promise<Answer> {
  const slot = Number(await askOne(address, host, signal, ['CLUSTER', 'KEYSLOT', base]))
  const ranges = (await askOne(address, host, signal, ['CLUSTER', 'SLOTS'])) as readonly (readonly Reply[])[]
  const range = ranges.find(([from, to]) => Number(from) <= slot && slot <= Number(to))
  if (range === undefined) {
    throw new LogError('unreachable', `No node of the Redis cluster serves slot ${slot}, where the log is.`)
  }
  const [name, port] = range[2] as readonly [string | null, number]
  return { at: { host: name === null || name === '' ? host.host : name, port }, version: 0 }
}

/** Sentinels often need no password where their servers do, and then refuse one. */
async function askOne(
  address: RedisAddress,
  host: HostAndPort,
  signal: AbortSignal,
  command: readonly string[],
): Promise<Reply> {
  const { kind, isSecure, user, password } = address
  const login = { isSecure, user, password }
  try {
    return await askAs(kind === 'sentinel' ? { isSecure } : login, host, signal, command)
  } catch (error) {
    const mayHelp = kind === 'sentinel' && password !== undefined
    if (!mayHelp || !LogError.is(error) || error.code !== 'unauthorized') throw explain(error, address)
    return askAs(login, host, signal, command)
  }
}

async function askAs(
  login: Partial<RedisAddress>,
  host: HostAndPort,
  signal: AbortSignal,
  command: readonly string[],
): Promise<Reply> {
  const connection = await Connection.open(host, login, signal)
  try {
    return await connection.call(command)
  } finally {
    connection.end(new LogError('unreachable', 'The question is answered.'))
  }
}

function explain(error: unknown, { kind, master, text }: RedisAddress): unknown {
  if (!LogError.is(error) || error.code !== 'unwritable') return error
  const what =
    kind === 'sentinel'
      ? `A Sentinel of ${text} does not know the master ${master}`
      : `A server of ${text} is not a node of a cluster: use redis:// for it`
  return new LogError('cannot-open', `${what}. ${error.message}`, { cause: error })
}
