import { LogError } from '@tailrace/log'

import type { Connection } from './connection.ts'
import { hazardsOfReplay } from './replay.ts'
import { isRefusal } from './reply-error.ts'

const MIN_VERSION = 7
/** The settings on which the durability of a log depends. */
const ASKED = [
  'appendonly',
  'appendfsync',
  'no-appendfsync-on-rewrite',
  'maxmemory',
  'maxmemory-policy',
  'min-replicas-to-write',
  'proto-max-bulk-len',
]

/** What a server says about itself. */
export interface Settings {
  /** Another one after each restart. */
  readonly server: string
  /** It may lose acknowledged events when it dies, or when a replica takes over. */
  readonly mayLose: boolean
  /** One sentence each. */
  readonly hazards: readonly string[]
  /** The longest text that it accepts, in bytes. */
  readonly maxTextBytes: number
}

export interface Circumstances {
  readonly connection: Connection
  /** The start of the names of all keys of the log. */
  readonly base: string
  /** Undefined: the default one. */
  readonly user: string | undefined
  /** Replicas may take over, even if none is connected now. */
  readonly hasReplicas: boolean
}

/** @throws LogError `incompatible`, `unreachable`, `unauthorized` or `not-durable` */
export async function readSettings({
  connection,
  base,
  user,
  hasReplicas,
}: Circumstances): Promise<Settings> {
  const info = parseInfo(String(await connection.call(['INFO'])))
  const { redis_version: version = '0', run_id: server, role, maxmemory_policy: policy = '' } = info
  if (Number.parseInt(version, 10) < MIN_VERSION || server === undefined) {
    throw new LogError('incompatible', `The log needs Redis ${MIN_VERSION} or later; this is ${version}.`, {
      details: { version },
    })
  }
  requirePrimary(role)
  const isLimited = Number(info['maxmemory'] ?? 0) > 0
  if (isLimited && policy.startsWith('allkeys-')) {
    throw new LogError(
      'not-durable',
      `This Redis removes any key when its memory is full (maxmemory-policy ${policy}), even the whole log. ` +
        'Set maxmemory-policy noeviction.',
      { details: { policy } },
    )
  }
  const config = await readConfig(connection)
  const isReplicated = hasReplicas || Number(info['connected_slaves'] ?? 0) > 0
  const hazards = [
    ...hazardsOf(info, config, isReplicated),
    ...(info['aof_enabled'] === '1' ? await hazardsOfReplay(connection, base, user) : []),
  ]
  return {
    server,
    mayLose: isReplicated || hazards.length > 0,
    hazards,
    maxTextBytes: Number(config?.get('proto-max-bulk-len') ?? Number.POSITIVE_INFINITY),
  }
}

/** @throws LogError `unreachable` if Redis has become a replica */
export async function checkPrimary(connection: Connection): Promise<void> {
  requirePrimary(parseInfo(String(await connection.call(['INFO', 'replication'])))['role'])
}

function requirePrimary(role: string | undefined): void {
  if (role === 'master') return
  throw new LogError('unreachable', 'This Redis is a replica, which cannot be written to.', {
    details: { role: role ?? '' },
  })
}

function hazardsOf(
  info: Readonly<Record<string, string>>,
  config: ReadonlyMap<string, string> | undefined,
  isReplicated: boolean,
): string[] {
  const hazards: string[] = []
  const fsync = config?.get('appendfsync')
  if (info['aof_enabled'] !== '1') {
    hazards.push(
      'Redis has no append-only file, so it loses acknowledged events when it dies. Set appendonly yes and appendfsync always.',
    )
  } else if (fsync !== undefined && fsync !== 'always') {
    hazards.push(
      `Redis does not wait for its disk (appendfsync ${fsync}), so it loses the acknowledged events of the last seconds when its machine dies. Set appendfsync always.`,
    )
  } else if (config?.get('no-appendfsync-on-rewrite') === 'yes') {
    hazards.push(
      'Redis does not wait for its disk while it rewrites its append-only file (no-appendfsync-on-rewrite yes), so it loses the events that it acknowledges meanwhile when its machine dies. Set no-appendfsync-on-rewrite no.',
    )
  }
  if (config === undefined) {
    const unknown = isReplicated ? 'appendfsync and min-replicas-to-write' : 'appendfsync'
    hazards.push(
      `The Redis user may not read the settings, so it is not known whether they could lose acknowledged events (${unknown}). Permit +config|get.`,
    )
  } else if (isReplicated && Number(config.get('min-replicas-to-write')) === 0) {
    hazards.push(
      'Redis accepts events without a replica (min-replicas-to-write 0), so a failover can lose all acknowledged events since the replica was connected. Set min-replicas-to-write 1.',
    )
  }
  return hazards
}

/** Undefined if that is not permitted, or if the provider of the server has removed the command. */
async function readConfig(connection: Connection): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const list = (await connection.call(['CONFIG', 'GET', ...ASKED])) as readonly string[]
    const config = new Map<string, string>()
    for (let i = 1; i < list.length; i += 2) config.set(list[i - 1]!, list[i]!)
    return config.has('appendfsync') ? config : undefined
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw error
  }
}

function parseInfo(text: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf(':')
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1)
  }
  return fields
}
