import type { Reader } from '@tailrace/hub'
import { mintSecret } from '@tailrace/log/adapter'
import { Budget } from './budget.ts'
import { HttpError } from './errors.ts'
import type { HeaderFields } from './exchange.ts'
import { createSeal } from './seal.ts'
import type { Seal } from './seal.ts'

/** The parts of a request on which a gate bases its decision. */
export interface Facts {
  readonly method: string
  /** The value of a header that was sent once, by its lower-case name. Each character is one byte. */
  header(name: string): string | undefined
  readonly ticket: string | undefined
}

/** The sender of a request, as identified by the gate. The gate receives the same object with each question. */
export interface Client {
  /** The address from which the request comes. */
  readonly address: string
  /** Limits count by subject, and readers take turns by subject. Without a subject, both go by the network of the address. */
  readonly subject?: string | undefined
  /** Names the token or session without revealing it, so that all its streams can be ended together. */
  readonly credential?: string | undefined
  /** When its rights end, in milliseconds since the epoch. No stream outlives them (invariant 6). */
  readonly expiresAt?: number | undefined
}

/** A ticket, and the time within which it must be used, in seconds. */
export interface IssuedTicket {
  readonly ticket: string
  readonly expiresIn: number
}

/** The tokens that a revocation refuses. */
export type Revoked =
  | { readonly subject: string }
  | { readonly credential: string; readonly expiresAt: number | undefined }

/** The purpose for which a client wants to read selectors. */
export type Use = 'stream' | 'history' | 'list'

/** An answer of the gate. A promise if the gate has to look it up. */
export type Answer = boolean | Promise<boolean>

/** A function that ends what was admitted. A promise if others are asked before. */
export type Admission = (() => void) | Promise<() => void>

/**
 * Every request passes through it. It decides which client sent the request, what the client may do, and how much of
 * it. Returning `false` answers with a plain `403`; to choose another answer, throw an `HttpError`.
 */
export interface Gate {
  identify(facts: Facts, remoteAddress: string | undefined): Client | Promise<Client>
  /** @param topic - if omitted: whether there is any topic that the client may publish to */
  mayPublish(client: Client, topic?: string): Answer
  /** Whether the client may read everything that these selectors will ever match. */
  mayRead(client: Client, selectors: readonly string[], use: Use): Answer
  /** Whether the client may purge topics, and list and end the connections of others. */
  mayAdminister(client: Client): Answer
  /**
   * Selectors that cover all topics that the client may read. A list of topics examines only these, and asks `mayRead`
   * for each.
   */
  readable(client: Client): readonly string[]
  /**
   * Checks again that the client's rights hold, for work that takes a while between the question and the answer.
   * @throws HttpError `revoked`
   */
  requireStill(client: Client): void
  /**
   * Counts a stream until the function that it returns is called.
   *
   * @throws HttpError `draining`, `too-many-topics`, `too-many-connections` or `overloaded`
   */
  admit(client: Client, selectors: readonly string[]): Admission
  /** Counts a request for a page of history until the function that it returns is called. @throws HttpError `too-many-connections` */
  admitPage(client: Client): Admission
  /** Checks that the client may publish this much now. @throws HttpError `too-many-publishes` or `batch-too-large` */
  requireRate(client: Client, events?: number, bytes?: number): void
  /** Charges a publish, including one that was rejected after it was read. */
  charge(client: Client, events: number, bytes: number): void
  /** Memory for request bodies that are being received. */
  readonly bodies: Budget
  /** Memory for pages of history that are being sent. */
  readonly pages: Budget
  /** Encrypts content that clients carry and must not see. */
  readonly seal: Seal
  corsHeaders(origin: string | undefined): HeaderFields
  /** The hub is about to stop, so it is no longer ready. */
  readonly isDraining: boolean
  /** Whether the client may get tickets. */
  mayGetTicket(client: Client): Answer
  /**
   * Issues a credential for the URL of a stream with these selectors.
   *
   * @throws HttpError `forbidden`, `too-many-topics` or `too-many-publishes`
   */
  issueTicket(client: Client, selectors: readonly string[]): Promise<IssuedTicket>
  /** Rejects a token, a ticket or a subject from now on. @throws HttpError `too-many-revocations` */
  revoke(revoked: Revoked): Promise<void>
}

/** Rejects a request whose gate answered no. A promise only if it did not say yes at once. @throws HttpError `forbidden` */
export function permit(answer: Answer, what: string): void | Promise<void> {
  return answer === true ? undefined : refuseUnless(answer, what)
}

async function refuseUnless(answer: Answer, what: string): Promise<void> {
  if (await answer) return
  throw new HttpError('forbidden', `You are not allowed to ${what}.`)
}

/** Not before it is needed: some runtimes, such as Workers, have no random values while modules are loaded. */
let ownSecret: string | undefined

/** Lets everyone do everything. */
export const OPEN_GATE: Gate = {
  identify: () => ({ address: '' }),
  mayPublish: () => true,
  mayRead: () => true,
  mayAdminister: () => true,
  readable: () => ['**'],
  requireStill: () => undefined,
  admit: () => () => undefined,
  admitPage: () => () => undefined,
  requireRate: () => undefined,
  charge: () => undefined,
  bodies: new Budget('max-bodies'),
  pages: new Budget('max-history'),
  seal: createSeal(() => (ownSecret ??= mintSecret())),
  corsHeaders: () => ({}),
  isDraining: false,
  mayGetTicket() {
    throw new HttpError('missing-token', 'Tickets stand for tokens, and this hub accepts none.')
  },
  issueTicket: () => Promise.reject(new HttpError('forbidden', 'There are no tickets here.')),
  // There are no tokens, so there is nothing to refuse later.
  revoke: async () => undefined,
}

/** The facts about a reader that others may see. */
export function readerOf({ address, subject, credential }: Client, transport: string): Reader {
  return { transport, address, subject, credential }
}
