import { randomBytes } from 'node:crypto'
import { capabilityOf } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { HttpError } from '@tailrace/http'
import type { IssuedTicket, Seal } from '@tailrace/http/gate'
import type { Identity } from './identity.ts'

/** Time within which a ticket must be used for the first time, in seconds. */
const FIRST_USE_S = 30
/** How long a ticket is valid if its token never expires. */
const MAX_LIFE_MS = 24 * 60 * 60 * 1000

const PURPOSE = 'ticket'

/** Tickets replace a token where none can be sent: in the URL of an `EventSource` of another origin. */
export interface Tickets {
  /** Issues a ticket that opens streams of some topics for as long as a token is valid. */
  issue(identity: Identity, topics: readonly string[]): Promise<IssuedTicket>
  /**
   * @throws HttpError `invalid-ticket` if it is forged, was not used in time, or has outlived its token;
   * LogError if the log cannot be read
   */
  redeem(ticket: string): Promise<Identity>
}

/** The content of a ticket. Times are in milliseconds since the epoch. */
interface Content {
  readonly topics: readonly string[]
  readonly subject?: string
  /** When the token of the ticket was issued. */
  readonly issuedAt?: number
  readonly credential: string
  readonly firstUseBy: number
  readonly expiresAt: number
}

/**
 * A ticket contains what it stands for, encrypted with the secret of the log, so that every node of the log can
 * read it and nobody else can. Its first use is noted in the log, and each later use requires that note. So a
 * ticket that was not used in time is dead, and one that was opens its streams again after a restart of the
 * hub. This costs one read.
 *
 * @param now - the wall clock, in milliseconds
 */
export function createTickets(log: EventLog, seal: Seal, now: () => number = Date.now): Tickets {
  return {
    async issue({ subject, credential, issuedAt, expiresAt: tokenExpiresAt }, topics) {
      capabilityOf(log, 'shared')
      const time = now()
      const expiresAt = tokenExpiresAt ?? time + MAX_LIFE_MS
      const firstUseBy = Math.min(time + FIRST_USE_S * 1000, expiresAt)
      const content = {
        topics,
        subject,
        issuedAt,
        credential: `${credential}.${randomBytes(16).toString('base64url')}`,
        firstUseBy,
        expiresAt,
      }
      const ticket = await seal.close(content, PURPOSE)
      return { ticket, expiresIn: Math.max(0, Math.floor((firstUseBy - time) / 1000)) }
    },

    async redeem(ticket) {
      const content = (await seal.open(ticket, PURPOSE)) as Content | undefined
      if (content === undefined || content.expiresAt <= now()) throw invalid()
      const { topics, subject, issuedAt, credential, firstUseBy, expiresAt } = content
      const note = `ticket/${credential}`
      const shared = capabilityOf(log, 'shared')
      const [used] = await shared.notes({ prefix: note, after: '', limit: 1 })
      if (used === undefined) {
        if (firstUseBy <= now()) throw invalid()
        await shared.note({ key: note, until: expiresAt })
      }
      const rights = { publish: [], subscribe: topics, isAdmin: false }
      return { by: 'ticket', subject, rights, expiresAt, issuedAt, credential }
    },
  }
}

function invalid(): HttpError {
  return new HttpError(
    'invalid-ticket',
    `The ticket is invalid, was not used within ${FIRST_USE_S} seconds, or has outlived its token. Get another from POST /tickets.`,
  )
}
