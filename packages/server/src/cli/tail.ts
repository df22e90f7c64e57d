import { once } from 'node:events'
import { ClientError, subscribe } from '@tailrace/client'
import type { Status } from '@tailrace/client'
import { addressOf, explain, headersOf } from '../remote-hub.ts'
import type { RemoteHub } from '../remote-hub.ts'
import { HUB_URL, TOKEN } from './client-settings.ts'
import { notice } from './notice.ts'
import { endWithOutput } from './output.ts'
import { optional, toggle } from './setting.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

/** Somebody is watching, so it does not wait for as long as a page would. */
const MAX_DELAY_MS = 5_000

export const tail: Verb = verb({
  name: 'tail',
  operands: '<topic…>',
  summary: 'Prints the events of topics as they come.',
  description: `A topic may be a pattern: orders/* or orders/**. A connection that is lost is made again, and goes on after the
last event that was printed. Ends when every topic has ended. What is not an event goes to standard error.`,
  settings: {
    url: HUB_URL,
    token: TOKEN,
    from: optional('text', {
      placeholder: 'PLACE',
      doc: 'start (all that is kept), now, or an id. Default: now.',
    }),
    json: toggle({ doc: 'Print each event as a line of JSON: id, topic, type, key, time, data.' }),
  },

  async run(values, topics) {
    const { from, json } = values
    if (topics.length === 0) throw new UsageError('tail needs a topic: tailrace tail <topic…>')
    const url = addressOf(values, 'events')
    for (const topic of topics) url.searchParams.append('topic', topic)
    if (from !== undefined) url.searchParams.set('from', from)
    if (json) url.searchParams.set('envelope', 'json')

    endWithOutput()
    let refusal: Promise<string | undefined> | undefined
    const options = {
      headers: headersOf(values),
      maxDelayMs: MAX_DELAY_MS,
      // A stream that is refused says why in the body of the response.
      async fetch(...request: Parameters<typeof fetch>) {
        const response = await fetch(...request)
        if (!response.ok) refusal = detailOf(response.clone())
        return response
      },
    }
    try {
      for await (const item of subscribe(url, options)) {
        if (item.kind === 'event') {
          await print(
            json ? JSON.stringify({ id: item.id, ...(JSON.parse(item.data) as object) }) : item.data,
          )
        } else report(item, values)
      }
      return 0
    } catch (error) {
      if (!ClientError.is(error)) throw error
      notice(explain(error, values, await refusal))
      return 1
    }
  },
})

function report(status: Status, hub: RemoteHub): void {
  if (status.kind === 'gap') {
    const { kind: _, ...gap } = status
    notice(`events were missed: ${JSON.stringify(gap)}`)
  } else if (status.kind === 'reconnecting') {
    notice(`${explain(status.error, hub)}; reconnecting in ${Math.round(status.delayMs)} ms`)
  }
}

async function detailOf(response: Response): Promise<string | undefined> {
  try {
    return ((await response.json()) as { detail?: string }).detail
  } catch {
    // Not JSON, or cut off.
    return undefined
  }
}

async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}
