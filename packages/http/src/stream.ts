import type { Subscription } from '@tailrace/hub'
import type { Admitted } from './call.ts'
import type { HeaderFields } from './exchange.ts'
import { permit, readerOf } from './gate.ts'

/** Opens the stream that a request asks for. */
export async function openStream(
  { hub, gate, client, exchange }: Admitted,
  subscription: Subscription,
  headers: HeaderFields,
): Promise<void> {
  const { selectors } = subscription
  await permit(gate.mayRead(client, selectors, 'stream'), `subscribe to ${selectors.join(', ')}`)
  if (exchange.method === 'HEAD') {
    exchange.answer(200, headers)
    return
  }
  exchange.onceGone(await gate.admit(client, selectors))
  const reader = readerOf(client, exchange.transport)
  const outcome = await hub.subscribe({ ...subscription, until: client.expiresAt, reader }, () => {
    if (exchange.isGone) return undefined
    gate.requireStill(client)
    return exchange.stream(headers)
  })
  // 204 is the only answer after which an EventSource does not reconnect (WHATWG HTML, 9.2.3).
  if (outcome === 'ended') exchange.answer(204)
}
