import type { Connection } from '@tailrace/hub'
import { mintEpoch } from '@tailrace/log/adapter'
import type { Call } from './call.ts'
import { parseConnectionLimit } from './listing.ts'
import { answerList } from './page.ts'

/** `GET /connections`: the open streams of this node, those furthest behind first. */
export async function listConnections({ hub, query, exchange }: Call): Promise<void> {
  const limit = parseConnectionLimit(query)
  let furthest: Connection[] = []
  let total = 0
  await hub.survey((connection) => {
    total += 1
    furthest.push(connection)
    // Never more than twice the limit, no matter how many streams there are.
    if (furthest.length === 2 * limit) furthest = keepFurthest(furthest, limit)
  })
  await answerList(exchange, {
    node: hub.node,
    total,
    connections: keepFurthest(furthest, limit).map(toAnswer),
  })
}

/** Among streams that are equally far behind, the oldest come first. */
function keepFurthest(connections: readonly Connection[], limit: number): Connection[] {
  return connections.toSorted((a, b) => b.behind - a.behind || a.since - b.since).slice(0, limit)
}

/**
 * Distinguishes the streams of this process from those of the previous one, and of other nodes. Not minted before it is
 * needed: some runtimes, such as Workers, have no random values while modules are loaded.
 */
let life: string | undefined

/** The id of a connection in the API. */
export function idOf({ id }: Pick<Connection, 'id'>): string {
  life ??= mintEpoch()
  return `${life}-${id}`
}

function toAnswer(connection: Connection): Record<string, unknown> {
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
