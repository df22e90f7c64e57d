import type { Facts } from '../auth/access.ts'
import { corsHeaders } from '../auth/cors.ts'
import { isLoopback, nameOf, requireKnownOrigin } from '../auth/origins.ts'
import { parseRights } from '../auth/rights.ts'
import { EVERYBODY, requireSubscribe } from '../auth/access.ts'
import type { Client } from '../limits/limits.ts'
import { OPEN_GATE } from './gate.ts'
import type { Gate } from './gate.ts'
import { HttpError } from './problem.ts'

/** What an application allows one request to do. What is left out is not allowed. */
export interface Authorization {
  /** Selectors of the topics that it may publish to. */
  readonly publish?: readonly string[] | undefined
  /** Selectors that it may subscribe to, live and in history. */
  readonly subscribe?: readonly string[] | undefined
  /** May purge topics and list connections. @defaultValue false */
  readonly admin?: boolean | undefined
  /** Whose request it is, as `/connections` shows it. */
  readonly subject?: string | undefined
  /** When its streams end, in milliseconds of the epoch. @defaultValue never */
  readonly expiresAt?: number | undefined
}

export interface AppGateOptions {
  /** Decides by the headers of a request, which are named in lower case. Throwing answers 500. */
  authorize(facts: Facts): Authorization | Promise<Authorization>
  /**
   * Names under which the hub is reached, without ports. Others are refused, since a page can make any name lead to this
   * machine (DNS rebinding). Names and addresses of this machine are always answered. @defaultValue none
   */
  readonly hosts?: readonly string[] | undefined
  /** Origins of other sites whose pages may read, with credentials, and write. @defaultValue none */
  readonly allowOrigins?: readonly string[] | undefined
}

/** The gate of a hub inside an application, which decides who may do what. */
export function createAppGate({ authorize, hosts = [], allowOrigins = [] }: AppGateOptions): Gate {
  const origins = { allowed: allowOrigins, isSecure: false }

  function requireKnownHost(host: string): void {
    const name = nameOf(host)
    if (isLoopback(name) || hosts.includes(name)) return
    throw new HttpError(
      'foreign-host',
      `This hub does not accept requests to the host ${name}: add it to the hosts of createAppGate.`,
    )
  }

  function admit({ identity }: Client, selectors: readonly string[]): () => void {
    requireSubscribe(identity, selectors)
    return () => undefined
  }

  return {
    ...OPEN_GATE,
    async identify(facts, remoteAddress) {
      const host = facts.header('host') ?? 'localhost'
      requireKnownHost(host)
      if (facts.method !== 'GET' && facts.method !== 'HEAD') {
        const [origin, site] = [facts.header('origin'), facts.header('sec-fetch-site')]
        requireKnownOrigin(origins, { origin, host, site })
      }
      const { publish = [], subscribe = [], admin = false, subject, expiresAt } = await authorize(facts)
      const rights = parseRights({ publish, subscribe, admin })
      if (typeof rights === 'string') throw new TypeError(`The result of authorize ${rights}`)
      return {
        address: remoteAddress ?? '',
        identity: { ...EVERYBODY, by: 'app', subject, rights, expiresAt },
      }
    },
    admit,
    admitPage: admit,
    corsHeaders: (origin) => corsHeaders(origins, origin),
  }
}

/** Without a decision of the application: anyone on this machine may read, nobody may write. */
export const READ_ONLY_GATE: Gate = createAppGate({ authorize: () => ({ subscribe: ['**'] }) })
