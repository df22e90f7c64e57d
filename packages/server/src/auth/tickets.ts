import { EncryptJWT, jwtDecrypt } from 'jose'
import type { EventLog } from '@tailrace/log'
import { HttpError } from '../http/problem.ts'
import type { Identity } from './identity.ts'

/** How long a ticket can be used, in seconds, unless its token ends before. */
const TICKET_LIFE_S = 30

const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const

/** Tickets stand for a token where one cannot be sent: in the URL of an `EventSource` of another origin. */
export interface Tickets {
  issue(identity: Identity): Promise<string>
  /** @throws HttpError `invalid-ticket` when it is none, has expired, was used already, or outlived its token */
  redeem(ticket: string): Promise<Identity>
}

/**
 * A ticket is what it stands for, encrypted with the log's own secret: every node of the log can read it, and
 * nobody else. That it is good once is a claim in the log, of which all nodes together grant one.
 */
export function createTickets(log: EventLog, secret: string): Tickets {
  const key = Buffer.from(secret, 'base64url')
  return {
    issue: (identity) =>
      new EncryptJWT({ identity })
        .setProtectedHeader(ENCRYPTION)
        .setJti(crypto.randomUUID())
        .setExpirationTime(`${TICKET_LIFE_S}s`)
        .encrypt(key),

    async redeem(ticket) {
      const { identity, jti } = await open(ticket, key)
      const { expiresAt } = identity
      if (expiresAt !== undefined && expiresAt <= Date.now()) throw invalid()
      if (!(await log.claim(`ticket/${jti}`))) throw invalid()
      return { ...identity, by: 'ticket' }
    },
  }
}

/** How long a ticket of somebody can be used, in whole seconds. */
export function ticketLifeOf({ expiresAt = Infinity }: Identity): number {
  return Math.min(TICKET_LIFE_S, Math.max(0, Math.floor((expiresAt - Date.now()) / 1000)))
}

async function open(ticket: string, key: Uint8Array): Promise<{ identity: Identity; jti: string }> {
  try {
    const { payload } = await jwtDecrypt(ticket, key, {
      keyManagementAlgorithms: [ENCRYPTION.alg],
      contentEncryptionAlgorithms: [ENCRYPTION.enc],
    })
    return { identity: payload['identity'] as Identity, jti: payload.jti! }
  } catch {
    throw invalid()
  }
}

function invalid(): HttpError {
  return new HttpError(
    'invalid-ticket',
    'The ticket is none, has expired, or was used: each is good once, for 30 seconds, while its token is. Get another from POST /tickets.',
  )
}
