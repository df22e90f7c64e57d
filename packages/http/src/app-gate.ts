import { coveredBy, parseSelector } from '@tailrace/log'
import { corsHeaders } from './cors.ts'
import { HttpError } from './errors.ts'
import { OPEN_GATE } from './gate.ts'
import type { Answer, Client, Facts, Gate } from './gate.ts'
import { isLoopback, nameOf, requireKnownOrigin } from './origins.ts'

/** A list of selectors, or a function of the application that looks it up. */
type Rule<Asked> = readonly string[] | ((asked: Asked) => Answer)

/** What an application allows one request to do. Anything that is left out is not allowed. */
export interface Authorization {
  /** Selectors of the topics that it may publish to, or a function that is called for each topic. */
  readonly publish?: Rule<string> | undefined
  /**
   * Selectors that it may read, live and in history; or a function that is called once for each request with the
   * selectors of a stream or page, and once for each topic of a list. A selector can be a pattern such as `orders/**`:
   * allow it only if the client may read every topic that it matches.
   */
  readonly subscribe?: Rule<readonly string[]> | undefined
  /** It may purge topics, and list and end connections. @defaultValue false */
  readonly admin?: boolean | undefined
  /** The name of the client, as `/connections` shows it. */
  readonly subject?: string | undefined
  /** When its streams end, in milliseconds since the epoch. @defaultValue never */
  readonly expiresAt?: number | undefined
}

/** The rules of an application for its hub. */
export interface AppGateOptions {
  /**
   * Decides from the headers of a request, which have lower-case names. If it throws an `HttpError`, that is the
   * answer; any other error answers 500.
   */
  authorize(facts: Facts): Authorization | Promise<Authorization>
  /**
   * Names under which the hub is reached, without ports. Others are rejected, because a page can make any name resolve
   * to this machine (DNS rebinding). Names and addresses of this machine are always accepted. @defaultValue none
   */
  readonly hosts?: readonly string[] | undefined
  /** Origins of other sites whose pages may read, with credentials, and write. @defaultValue none */
  readonly allowOrigins?: readonly string[] | undefined
}

interface AppClient extends Client {
  readonly allows: Authorization
  /** The lists of `allows` as functions. */
  readonly publishes: (topic: string) => Answer
  readonly reads: (selectors: readonly string[]) => Answer
}

/** The gate of a hub inside an application, which decides what each client may do. */
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

  return {
    ...OPEN_GATE,
    async identify(facts, remoteAddress): Promise<AppClient> {
      const host = facts.header('host') ?? 'localhost'
      requireKnownHost(host)
      if (facts.method !== 'GET' && facts.method !== 'HEAD') {
        const [origin, site] = [facts.header('origin'), facts.header('sec-fetch-site')]
        requireKnownOrigin(origins, { origin, host, site })
      }
      const allows = await authorize(facts)
      const { publish = [], subscribe = [], subject, expiresAt } = allows
      const publishes = typeof publish === 'function' ? publish : coverage('publish', publish)
      const reads = typeof subscribe === 'function' ? subscribe : coverageOfAll('subscribe', subscribe)
      return { address: remoteAddress ?? '', subject, expiresAt, allows, publishes, reads }
    },
    mayPublish({ allows, publishes }: AppClient, topic) {
      if (topic !== undefined) return publishes(topic)
      return typeof allows.publish === 'function' || (allows.publish ?? []).length > 0
    },
    mayRead: ({ reads }: AppClient, selectors) => reads(selectors),
    mayAdminister: ({ allows }: AppClient) => allows.admin === true,
    readable({ allows: { subscribe = [] } }: AppClient) {
      if (typeof subscribe === 'function') return ['**']
      if (subscribe.length === 0) throw new HttpError('forbidden', 'You are not allowed to list topics.')
      return subscribe
    },
    corsHeaders: (origin) => corsHeaders(origins, origin),
  }
}

/** Whether the selectors that an application returned cover another. @throws TypeError if a text is not a selector */
function coverage(name: string, selectors: readonly string[]): (selector: string) => boolean {
  for (const selector of selectors) {
    try {
      parseSelector(selector)
    } catch (cause) {
      const message = `\`authorize\` returned ${JSON.stringify(selector)} in \`${name}\`, which is not a selector`
      throw new TypeError(message, { cause })
    }
  }
  return coveredBy(selectors)
}

function coverageOfAll(name: string, selectors: readonly string[]): (asked: readonly string[]) => boolean {
  const isCovered = coverage(name, selectors)
  return (asked) => asked.every(isCovered)
}

/** The gate of an application that does not decide: anyone on this machine may read, nobody may write. */
export const READ_ONLY_GATE: Gate = createAppGate({ authorize: () => ({ subscribe: ['**'] }) })
