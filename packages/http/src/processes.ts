import type { Connection, Hub } from '@tailrace/hub'
import { mintEpoch } from '@tailrace/log/adapter'
import type { Gate, Revoked } from './gate.ts'

/** An open stream, as `GET /connections` shows it. */
export interface StreamSummary {
  readonly id: string
  readonly topics: readonly string[]
  readonly state: string
  readonly behind: number
  readonly since: string
  readonly transport: string | undefined
  readonly address: string | undefined
  readonly subject: string | undefined
  /** The process that serves it, if there are several. */
  readonly worker?: number | undefined
}

/** A result of all processes together. */
interface Joint {
  /** Those that did not answer in time, if any. */
  readonly unanswered?: readonly number[] | undefined
}

/** The streams that are furthest behind, and the number of all streams. */
export interface StreamList extends Joint {
  readonly total: number
  readonly connections: readonly StreamSummary[]
}

/** The facts about a stream from which the rights of its reader can be revoked. */
export type StreamRights = Pick<Connection, 'until'> & { readonly credential: string | undefined }

/** The streams to end: one by its id, and all others whose rights are to be revoked. */
export interface Ending {
  readonly id?: string | undefined
  readonly revoked?: Revoked | undefined
}

/** The number of streams ended. */
export interface Ended extends Joint {
  readonly ended: number
}

/** The processes that serve a hub together, as one of them sees them all. Usually there is one. */
export interface Processes {
  /** Resolves if all of them can serve. @throws HttpError, HubError or LogError with the reason */
  ready(): Promise<void>
  /** Those furthest behind first; among those that are equally far behind, the oldest. */
  listStreams(limit: number): Promise<StreamList>
  /** Undefined if no process has this stream open. */
  findStream(id: string): Promise<StreamRights | undefined>
  /** Revokes rights, and ends streams. @throws HttpError or LogError if rights cannot be revoked; no stream was ended */
  endStreams(ending: Ending): Promise<Ended>
}

/** The only process of a hub. */
export function onlyProcess(hub: Hub, gate: Pick<Gate, 'revoke'>): Processes {
  return {
    ready: () => hub.ready(),

    async listStreams(limit) {
      let furthest: StreamSummary[] = []
      let total = 0
      await hub.survey((connection) => {
        total += 1
        furthest.push(summaryOf(connection))
        // Never more than twice the limit, no matter how many streams there are.
        if (furthest.length === 2 * limit) furthest = keepFurthest(furthest, limit)
      })
      return { total, connections: keepFurthest(furthest, limit) }
    },

    async findStream(id) {
      let found: Connection | undefined
      await hub.survey((connection) => {
        if (idOf(connection) === id) found = connection
      })
      return found && { until: found.until, credential: found.reader?.credential }
    },

    async endStreams({ id, revoked }) {
      if (revoked !== undefined) await gate.revoke(revoked)
      const ended = await hub.revoke(
        (connection) => (id !== undefined && idOf(connection) === id) || concerns(revoked, connection),
      )
      return { ended }
    },
  }
}

/** Among streams that are equally far behind, the oldest come first. */
export function keepFurthest(streams: readonly StreamSummary[], limit: number): StreamSummary[] {
  return streams
    .toSorted((a, b) => b.behind - a.behind || Number(a.since > b.since) - Number(a.since < b.since))
    .slice(0, limit)
}

/**
 * Distinguishes the streams of this process from those of the previous one, and of other processes. Not minted before it
 * is needed: some runtimes, such as Workers, have no random values while modules are loaded.
 */
let life: string | undefined

/** The id of a connection in the API. */
function idOf({ id }: Pick<Connection, 'id'>): string {
  life ??= mintEpoch()
  return `${life}-${id}`
}

function summaryOf(connection: Connection): StreamSummary {
  const { selectors, state, behind, since, reader } = connection
  return {
    id: idOf(connection),
    topics: selectors,
    state,
    behind,
    since: new Date(since).toISOString(),
    transport: reader?.transport,
    address: reader?.address,
    subject: reader?.subject,
  }
}

/** A ticket that was issued for a revoked token is revoked as well. */
function concerns(revoked: Revoked | undefined, { reader }: Connection): boolean {
  if (revoked === undefined || reader === undefined) return false
  if ('subject' in revoked) return reader.subject === revoked.subject
  const { credential } = reader
  return credential === revoked.credential || credential?.startsWith(`${revoked.credential}.`) === true
}
