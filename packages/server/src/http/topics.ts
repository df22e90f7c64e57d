import type { ServerResponse } from 'node:http'
import { HubError, parseTopicQuery } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { requireAnySubscribe } from '../auth/access.ts'
import { readableTopics } from '../auth/readable-topics.ts'
import type { Client } from '../limits/limits.ts'
import type { Gate } from './gate.ts'
import { sendJson } from './json.ts'
import { HttpError } from './problem.ts'

/** Begins an `after` that is not the name of a topic, none of which has it. */
const SEALED = '*'
const PURPOSE = 'topics'

interface ListCall {
  readonly hub: Hub
  readonly gate: Gate
  readonly client: Client
  readonly query: URLSearchParams
  readonly response: ServerResponse
}

/** `GET /topics`: the topics whose names start with `prefix` and that the client may read, a page at a time. */
export async function listTopics({ hub, gate, client, query, response }: ListCall): Promise<void> {
  const { identity } = client
  requireAnySubscribe(identity)
  const { after, ...wanted } = parseTopicQuery(query)
  const { topics, next } = await readableTopics(hub.topics, identity.rights, {
    ...wanted,
    after: after.startsWith(SEALED) ? await unsealed(gate, after) : after,
  })
  const isReadable = next === topics.at(-1)?.topic
  sendJson(response, 200, {
    topics: topics.map(({ topic, ended, events, bytes }) => ({ topic, ended, events, bytes })),
    // The name of a topic that may not be read must not be seen.
    ...(next === undefined ? {} : { next: isReadable ? next : await sealed(gate, next) }),
  })
}

async function sealed({ seal }: Gate, after: string): Promise<string> {
  return `${SEALED}${await seal.close({ after }, PURPOSE)}`
}

async function unsealed({ seal }: Gate, text: string): Promise<string> {
  const content = await seal.open(text.slice(SEALED.length), PURPOSE)
  if (content !== undefined) return content['after'] as string
  const message = 'The parameter after must be the name of a topic, or the `next` of the previous page.'
  throw new HubError('invalid-query', message, { details: { parameter: 'after' } })
}

/** `DELETE /topics/<topic>`: removes its events, and its end. */
export async function purgeTopic(hub: Hub, topic: string, response: ServerResponse): Promise<void> {
  if (!(await hub.purge(topic)))
    throw new HttpError('unknown-topic', `The topic ${topic} has no events to remove.`)
  response.writeHead(204).end()
}
