import { once } from 'node:events'
import { ApiError } from './api.ts'
import { notice } from './notice.ts'
import { endWithOutput } from './output.ts'
import { HUB_URL, TOKEN } from './publish.ts'
import { optional, toggle } from './setting.ts'
import { readStream } from './stream.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

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

  async run({ url: hub, token, from, json }, topics) {
    if (topics.length === 0) throw new UsageError('tail requires a topic: tailrace tail <topic…>')
    const url = new URL(`${hub.replace(/\/$/, '')}/events`)
    for (const topic of topics) url.searchParams.append('topic', topic)
    if (from !== undefined) url.searchParams.set('from', from)
    if (json) url.searchParams.set('envelope', 'json')

    endWithOutput()
    try {
      for await (const { type, data, lastEventId } of readStream(url, {
        token,
        onReconnect: (reason, delayMs) => notice(`${reason}; reconnecting in ${delayMs} ms`),
      })) {
        if (type === 'tailrace.gap') notice(`events were missed: ${data}`)
        if (type === 'tailrace.error') notice(`the hub closed the stream: ${data}`)
        if (type.startsWith('tailrace.')) continue
        await print(json ? JSON.stringify({ id: lastEventId, ...(JSON.parse(data) as object) }) : data)
      }
      return 0
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      notice(error.message)
      return 1
    }
  },
})

async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}
