import { respond, respondHistory, respondPublish } from '@tailrace/http/web'
import type { Hub } from '@tailrace/hub'
import { chosen, chosenTopic } from './app.ts'

/** The three handlers of an application, for frameworks with `Request` and `Response`. */
export interface WebHandlers {
  events(request: Request): Promise<Response>
  history(request: Request): Promise<Response>
  publish(request: Request): Promise<Response>
}

export function webHandlersOf(hub: Hub, allowOrigins: readonly string[]): WebHandlers {
  return {
    events: (request) => respond(hub, request, chosen(request.url)),
    history: (request) => respondHistory(hub, request, chosen(request.url)),
    publish: (request) => respondPublish(hub, request, { topic: chosenTopic(request.url), allowOrigins }),
  }
}

/** An application cannot close the connection of a `Request`. */
export const READS_REFUSED_BODIES: Readonly<Record<string, string>> = {
  '7.3 a request that is refused in the middle of its body is not read on':
    'Its server reads and discards the rest of the body, and keeps the connection open meanwhile.',
}
