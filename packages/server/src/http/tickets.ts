import type { ServerResponse } from 'node:http'
import { ticketLifeOf } from '../auth/tickets.ts'
import type { Client } from '../limits/limits.ts'
import type { Gate } from './gate.ts'
import { sendJson } from './json.ts'

/** `POST /tickets`: what stands for the caller's token, once and for a short time, in a URL. */
export async function issueTicket(gate: Gate, client: Client, response: ServerResponse): Promise<void> {
  sendJson(response, 201, {
    ticket: await gate.issueTicket(client),
    expiresIn: ticketLifeOf(client.identity),
  })
}
