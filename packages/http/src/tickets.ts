import { receiveText } from './body.ts'
import type { Call } from './call.ts'
import { HttpError } from './errors.ts'
import { permit } from './gate.ts'
import { answerJson } from './json.ts'
import { parseSelectorList } from './subscription.ts'

/** Maximum size of a request for a ticket. The ticket contains its topics, and must fit into a URL together with them. */
const MAX_BYTES = 4 * 1024

/** `POST /tickets` with `{"topics": [selectors]}`: a ticket that stands for the caller's token in the URL of a stream. */
export async function issueTicket({ gate, client, exchange }: Call): Promise<void> {
  await permit(gate.mayGetTicket(client), 'get a ticket')
  const holding = gate.bodies.open(client.address)
  const call = { exchange, holding, cost: { bytes: 0 } }
  let text: string
  try {
    text = await receiveText(call, { maxBytes: MAX_BYTES, tooLarge: 'body-too-large' })
  } finally {
    holding.release()
  }
  answerJson(exchange, 201, await gate.issueTicket(client, parseSelectorList(topicsOf(text))))
}

function topicsOf(text: string): string[] {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    body = undefined
  }
  if (typeof body === 'object' && body !== null && Object.keys(body).join() === 'topics') {
    const { topics } = body as { topics: unknown }
    if (Array.isArray(topics) && topics.length > 0 && topics.every((one) => typeof one === 'string'))
      return topics
  }
  throw new HttpError(
    'invalid-json',
    'The body must be {"topics": ["orders/42", "prices/*"]}, with at least one topic.',
  )
}
