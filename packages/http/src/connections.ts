import type { Call } from './call.ts'
import { parseConnectionLimit } from './listing.ts'
import { answerList } from './page.ts'

/** `GET /connections`: the open streams of this hub, those furthest behind first. */
export async function listConnections({ hub, processes, query, exchange }: Call): Promise<void> {
  await answerList(exchange, {
    node: hub.node,
    ...(await processes.listStreams(parseConnectionLimit(query))),
  })
}
