import { once } from 'node:events'
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

/** Shorter than the default of the client: a person is watching. */
const MAX_DELAY_MS = 5_000

export const tail: Verb = verb({
  name: 'tail',
  operands: '<topic…>',
  summary: 'Print the events of topics as they arrive.',
  description: `A topic may be a pattern: orders/* or orders/**. If the connection is lost, tail reconnects and continues after the
last event it printed. It exits when every topic has ended. Events go to standard output, messages to standard error.`,
  settings: {
    url: HUB_URL,
    token: TOKEN,
    from: optional('text', {
      placeholder: 'PLACE',
      doc: 'Where to start: start (all kept events), now, or an event id. Default: now.',
    }),
    json: toggle({ doc: 'Print each event as one line of JSON: id, topic, type, key, remove, time, data.' }),
  },

  async run(values, topics) {
    const { from, json } = values
    if (topics.length === 0) throw new UsageError('tail requires a topic: tailrace tail <topic…>')
    const url = addressOf(values, 'events')
    for (const topic of topics) url.searchParams.append('topic', topic)
    if (from !== undefined) url.searchParams.set('from', from)
    if (json) url.searchParams.set('envelope', 'json')

    endWithOutput()
    // Loaded only here, so that all other commands start faster.
    const { ClientError, subscribe } = await import('@tailrace/client')
    let refusal: Promise<string | undefined> | undefined
    const options = {
      headers: headersOf(values),
      maxDelayMs: MAX_DELAY_MS,
      // The body of the response explains why a stream was refused.
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
  } else if (status.kind === 'stream-failed') {
    notice(`${status.topic}: ${explain(status.error, hub)}`)
  }
}

async function detailOf(response: Response): Promise<string | undefined> {
  try {
    return ((await response.json()) as { detail?: string }).detail
  } catch {
    // Not JSON, or truncated.
    return undefined
  }
}

async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}
