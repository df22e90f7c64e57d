import type { Call } from './call.ts'
import { answerJson } from './json.ts'
import { parseConnectionLimit } from './listing.ts'

/** `GET /connections`: the open streams of this hub, those furthest behind first. */
export async function listConnections({ hub, processes, query, exchange }: Call): Promise<void> {
  answerJson(exchange, 200, {
    node: hub.node,
    ...(await processes.listStreams(parseConnectionLimit(query))),
  })
}
