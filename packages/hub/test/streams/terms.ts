import type { Hub, HubOptions } from '@tailrace/hub'
import type { EventLog } from '@tailrace/log'
import { startHub } from '../../src/create-hub.ts'
import type { StreamTerms } from '../../src/streams/terms.ts'
import { readPage } from '../opening.ts'

/** Short enough that nobody waits for them. */
const TERMS: StreamTerms = { leaseMs: 150, expiryMs: 20, sweepMs: 3_600_000 }

export function startShortHub(
  log: EventLog,
  terms: Partial<StreamTerms> = {},
  options: HubOptions = {},
): Promise<Hub> {
  return startHub(
    { log, heartbeatMs: 0, batchMs: 0, onError: () => undefined, ...options },
    { ...TERMS, ...terms },
  )
}

/** The types and data of everything in a topic, in order. */
export async function contentOf(hub: Hub, topic: string): Promise<string[]> {
  const content: string[] = []
  for (let from: string | undefined; ;) {
    const page = await readPage(hub, { selectors: [topic], limit: 1_000, from })
    if ('gap' in page) throw new Error('there is a gap')
    if (page.events.length === 0) return content
    for (const { type = 'message', data, end } of page.events)
      content.push(`${type} ${data}${end ? ' end' : ''}`)
    from = page.next
  }
}
