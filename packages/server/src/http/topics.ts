import type { ServerResponse } from 'node:http'
import { parseTopicQuery } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { sendJson } from './json.ts'
import { HttpError } from './problem.ts'

/** `GET /topics`: the topics whose names start with `prefix`, a page at a time. */
export async function listTopics(hub: Hub, query: URLSearchParams, response: ServerResponse): Promise<void> {
  const wanted = parseTopicQuery(query)
  const found = await hub.topics(wanted)
  const topics = found.map(({ topic, ended }) => ({ topic, ended }))
  sendJson(response, 200, { topics, ...(found.length === wanted.limit ? { next: found.at(-1)!.topic } : {}) })
}

/** `DELETE /topics/<topic>`: removes its events, and its end. */
export async function purgeTopic(hub: Hub, topic: string, response: ServerResponse): Promise<void> {
  if (!(await hub.purge(topic)))
    throw new HttpError('unknown-topic', `The topic ${topic} has no events to remove.`)
  response.writeHead(204).end()
}
