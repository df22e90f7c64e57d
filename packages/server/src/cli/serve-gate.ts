import { randomBytes } from 'node:crypto'
import type { Gate } from '@tailrace/http'
import { isLoopback, createSeal } from '@tailrace/http/gate'
import { isPassing } from '@tailrace/log'
import { createAccess } from '../auth/access.ts'
import { publicKey, remoteKeys, secretKey } from '../auth/keys.ts'
import type { Keys } from '../auth/keys.ts'
import { createOriginHint } from '../auth/origin-hint.ts'
import { createRevocations } from '../auth/revocations.ts'
import { createTickets } from '../auth/tickets.ts'
import { createVerifier } from '../auth/verifier.ts'
import type { Verifier } from '../auth/verifier.ts'
import { watchRevocations } from '../auth/watch-revocations.ts'
import { createGate } from '../gate.ts'
import { parseProxies } from '../limits/client-address.ts'
import { createLimits } from '../limits/limits.ts'
import type { GateParts } from '../start-server.ts'
import { readSecret } from './secret.ts'
import type { ServeValues } from './serve-settings.ts'
import { UsageError } from './usage-error.ts'

/** Without keys, and without a decision about anonymous access, a hub serves only this machine. */
function isLocalOnly(values: ServeValues): boolean {
  return keySettings(values).length === 0 && !values['anonymous-subscribe'] && !values['anonymous-publish']
}

/** @throws UsageError if the hub would be open to the world by accident */
export function requireKeys(values: ServeValues): void {
  const { host } = values
  if (!isLocalOnly(values) || isLoopback(host)) return
  throw new UsageError(
    `Without keys, anyone who can reach ${host} could read and write: set --jwt-secret-file, --jwt-public-key or --jwks-url, or allow it with --anonymous-subscribe or --anonymous-publish`,
  )
}

/** Creates the gate for these settings. @throws UsageError for unusable keys */
export async function gateOf(
  values: ServeValues,
  { log, hub, crew, warn, failed, signal }: GateParts,
): Promise<Gate> {
  const { host, cookie } = values
  const verify = verifierOf(values)
  const isLocal = isLocalOnly(values)
  const origins = {
    allowed: values['allow-origin'].map(parseOrigin),
    isSecure: values['tls-cert'] !== undefined,
  }
  // A proxy in front of the hub may pass on its own name, which pages of other origins use.
  const isFronted = values['trust-proxy'].length > 0 || origins.allowed.length > 0
  const isPrivate = isLocal || (verify === undefined && isLoopback(host) && !isFronted)
  // Without a secret of the log, what this node seals no other node can open.
  const ownSecret = randomBytes(32).toString('base64url')
  const seal = createSeal(() => log.shared?.secret() ?? ownSecret)
  const tickets = createTickets(log, seal)
  const revocations = createRevocations(log)
  if (verify !== undefined) {
    await revocations.refresh().catch(unlessPassing)
    void watchRevocations({ revocations, hub, signal, failed })
  }
  const all = (isAllowed: boolean): string[] => (isAllowed ? ['**'] : [])
  const anonymous = {
    publish: all(values['anonymous-publish']),
    subscribe: all(values['anonymous-subscribe']),
    isAdmin: false,
  }
  return createGate({
    access: createAccess({
      verify,
      tickets,
      revocations,
      anonymous,
      isLocal,
      isPrivate,
      origins,
      cookieName: cookie,
    }),
    // Whoever can reach only this machine may use all of it.
    limits: createLimits({
      streamsPerAddress: isLocal ? 0 : values['max-streams-per-address'],
      streamsPerSubject: values['max-streams-per-subject'],
      topicsPerStream: values['max-topics'],
      publishRate: isLocal ? 0 : values['publish-rate'],
      publishBytes: isLocal ? 0 : values['publish-bytes'],
      proxies: parseProxies(values['trust-proxy']),
      // Otherwise the largest batch would not fit into the half that one address may use.
      maxBodyBytes: Math.max(values['max-bodies'], 4 * values['max-batch']),
      maxHistoryBytes: values['max-history'],
      ledger: crew.ledger,
      spending: crew.spending,
    }),
    tickets,
    revocations,
    seal,
    origins,
    hint: createOriginHint(origins, warn),
  })
}

/** Until the log can be reached, nobody with a token is let in. */
function unlessPassing(error: unknown): void {
  if (!isPassing(error)) throw error
}

/** What is allowed without a token. */
export interface Openness {
  readonly read: boolean
  readonly write: boolean
  /** As a sentence. */
  readonly sentence: string
}

export function opennessOf(values: ServeValues): Openness {
  const read = values['anonymous-subscribe']
  const write = values['anonymous-publish']
  if (isLocalOnly(values)) {
    return {
      read: true,
      write: true,
      sentence: 'No keys: anyone who can reach this address may read and write.',
    }
  }
  const sentence =
    read && write
      ? 'Anyone who can reach this address may read and write.'
      : read
        ? 'Anyone who can reach this address may read; publishing requires a token.'
        : write
          ? 'Anyone who can reach this address may publish; reading requires a token.'
          : 'Reading and publishing require a token.'
  return { read, write, sentence }
}

/** The settings that contain keys, and how each is read. */
const KEY_SETTINGS: Readonly<Record<KeySetting, (value: string) => Keys>> = {
  'jwt-secret': secretKey,
  'jwt-secret-file': (path) => secretKey(readSecret('jwt-secret-file', path)),
  'jwt-public-key': (path) => publicKey(readSecret('jwt-public-key', path)),
  'jwks-url': (url) => remoteKeys(url),
}

type KeySetting = 'jwt-secret' | 'jwt-secret-file' | 'jwt-public-key' | 'jwks-url'

function keySettings(values: ServeValues): KeySetting[] {
  return (Object.keys(KEY_SETTINGS) as KeySetting[]).filter((name) => values[name] !== undefined)
}

function verifierOf(values: ServeValues): Verifier | undefined {
  const given = keySettings(values)
  if (given.length > 1) throw new UsageError(`Give only one of ${given.join(' and ')}`)
  const [name] = given
  if (name === undefined) return undefined
  return createVerifier({
    keys: KEY_SETTINGS[name](values[name]!),
    issuer: values['jwt-issuer'],
    audience: values['jwt-audience'],
    leewayMs: values['jwt-leeway'],
  })
}

function parseOrigin(text: string): string {
  if (text === '*') return text
  if (URL.canParse(text) && new URL(text).origin === text.toLowerCase()) return text.toLowerCase()
  throw new UsageError(
    `--allow-origin must be an origin such as https://app.example.com, without a path, not ${text}`,
  )
}
