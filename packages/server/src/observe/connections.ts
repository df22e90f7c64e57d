import type { ServerResponse } from 'node:http'
import { parseConnectionLimit } from '@tailrace/hub'
import type { Connection, Hub } from '@tailrace/hub'
import { sendJson } from '../http/json.ts'

/** `GET /connections`: the open streams, those that are the furthest behind first. */
export async function listConnections(
  hub: Hub,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const limit = parseConnectionLimit(query)
  let furthest: Connection[] = []
  let total = 0
  await hub.survey((connection) => {
    total += 1
    furthest.push(connection)
    // Never more than twice what is asked for, however many there are.
    if (furthest.length === 2 * limit) furthest = keepFurthest(furthest, limit)
  })
  sendJson(response, 200, { total, connections: keepFurthest(furthest, limit).map(toAnswer) })
}

/** Of those that are equally far behind, the oldest come first. */
function keepFurthest(connections: readonly Connection[], limit: number): Connection[] {
  return connections.toSorted((a, b) => b.behind - a.behind || a.since - b.since).slice(0, limit)
}

function toAnswer({ selectors, state, behind, since, reader }: Connection): Record<string, unknown> {
  return { topics: selectors, state, behind, since: new Date(since).toISOString(), ...reader }
}
