import type { ServerResponse } from 'node:http'
import { HubError } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { sendJson } from './json.ts'
import { HttpError } from './problem.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1_000
const PARAMETERS: ReadonlySet<string> = new Set(['prefix', 'after', 'limit'])

/** `GET /topics`: the topics whose names start with `prefix`, a page at a time. */
export async function listTopics(hub: Hub, query: URLSearchParams, response: ServerResponse): Promise<void> {
  for (const name of query.keys()) {
    if (!PARAMETERS.has(name)) throw invalid(name, `There is no parameter ${JSON.stringify(name)} here.`)
    if (query.getAll(name).length > 1) throw invalid(name, `The parameter ${name} may be given once.`)
  }
  const limitText = query.get('limit') ?? String(DEFAULT_LIMIT)
  const limit = /^[0-9]{1,4}$/.test(limitText) ? Number(limitText) : 0
  if (limit < 1 || limit > MAX_LIMIT) {
    throw invalid('limit', `The parameter limit is a whole number from 1 to ${MAX_LIMIT}.`)
  }
  const found = await hub.topics({
    prefix: query.get('prefix') ?? '',
    after: query.get('after') ?? '',
    limit,
  })
  const topics = found.map(({ topic, ended }) => ({ topic, ended }))
  sendJson(response, 200, { topics, ...(found.length === limit ? { next: found.at(-1)!.topic } : {}) })
}

/** `DELETE /topics/<topic>`: removes its events, and its end. */
export async function purgeTopic(hub: Hub, topic: string, response: ServerResponse): Promise<void> {
  if (!(await hub.purge(topic)))
    throw new HttpError('unknown-topic', `The topic ${topic} has no events to remove.`)
  response.writeHead(204).end()
}

function invalid(parameter: string, message: string): HubError {
  return new HubError('invalid-query', message, { details: { parameter } })
}
