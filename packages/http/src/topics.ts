import type { Call } from './call.ts'
import { HttpError } from './errors.ts'
import type { Gate } from './gate.ts'
import { answerList } from './page.ts'
import { parseTopicQuery } from './listing.ts'
import { readableTopics } from './readable-topics.ts'
import { topicOf } from './target.ts'

/** The first character of an `after` that is not the name of a topic. Topic names do not contain it. */
const SEALED = '*'
const PURPOSE = 'topics'

/** `GET /topics`: the topics whose names start with `prefix` and that the client may read, a page at a time. */
export async function listTopics({ hub, gate, client, query, exchange }: Call): Promise<void> {
  const selectors = gate.readable(client)
  const { after, ...wanted } = parseTopicQuery(query)
  const { topics, next } = await readableTopics(
    hub.topics,
    selectors,
    (topic) => gate.mayRead(client, [topic], 'list'),
    {
      ...wanted,
      after: after.startsWith(SEALED) ? await unsealed(gate, after) : after,
    },
  )
  const isReadable = next === topics.at(-1)?.topic
  await answerList(exchange, {
    topics: topics.map(({ topic, ended, events, bytes }) => ({ topic, ended, events, bytes })),
    // The name of a topic that the client may not read must not be revealed.
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
  throw new HttpError('invalid-query', message, { details: { parameter: 'after' } })
}

/** `DELETE /topics/<topic>`: removes its events, and its end. */
export async function purgeTopic({ hub, exchange, rest = '' }: Call): Promise<void> {
  const topic = topicOf(rest)
  if (!(await hub.purge(topic)))
    throw new HttpError('unknown-topic', `The topic ${topic} has no events to remove.`)
  exchange.answer(204)
}
