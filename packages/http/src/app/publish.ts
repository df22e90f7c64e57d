import type { Hub } from '@tailrace/hub'
import { coveredBy } from '@tailrace/log'
import type { Exchange } from '../exchange.ts'
import { OPEN_GATE } from '../gate.ts'
import { publishTo } from '../publish.ts'
import { answering } from './answering.ts'
import { requireOwnPage } from './own-page.ts'
import { requireTopic, selectorsOf } from './selectors.ts'
import type { Chosen } from './selectors.ts'

/**
 * What a request may publish: an event or a batch to `topic`; or a batch whose lines name their topics, among `topics`
 * and those that `patterns` match. Without any of these, nothing.
 */
export interface ServePublishOptions extends Chosen {
  readonly topic?: string | undefined
  /** Origins of other sites whose pages may publish. @defaultValue none: requests from their pages are refused */
  readonly allowOrigins?: readonly string[] | undefined
}

/** Publishes the body of a request, verbatim (spec/protocol.md, section 2). */
export function handlePublish(hub: Hub, exchange: Exchange, options: ServePublishOptions): Promise<void> {
  const { topic } = options
  return answering({ hub, exchange, method: 'POST' }, async () => {
    requireOwnPage(exchange, options.allowOrigins)
    const covers = coveredBy(topic === undefined ? selectorsOf(options) : [requireTopic(topic)])
    const gate = { ...OPEN_GATE, mayPublish: (_: unknown, one?: string) => one === undefined || covers(one) }
    const client = { address: exchange.remoteAddress ?? '' }
    await publishTo({ hub, gate, client, exchange }, topic)
  })
}
