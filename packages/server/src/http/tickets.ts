import type { IncomingMessage, ServerResponse } from 'node:http'
import { receiveText } from './body.ts'
import { permit } from './gate.ts'
import type { Client, Gate } from './gate.ts'
import { sendJson } from './json.ts'
import { HttpError, parseSelectorList } from '@tailrace/http'

/** The largest request for a ticket. The ticket holds its topics, and has to fit into a URL beside them. */
const MAX_BYTES = 4 * 1024

/** `POST /tickets` with `{"topics": [selectors]}`: a ticket that stands for the caller's token in the URL of a stream. */
export async function issueTicket(
  gate: Gate,
  client: Client,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  await permit(gate.mayGetTicket(client), 'get a ticket')
  const holding = gate.bodies.open(client.address)
  const call = { request, response, holding, cost: { bytes: 0 } }
  const text = await receiveText(call, { maxBytes: MAX_BYTES, tooLarge: 'body-too-large' }).finally(() =>
    holding.release(),
  )
  sendJson(response, 201, await gate.issueTicket(client, parseSelectorList(topicsOf(text))))
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
