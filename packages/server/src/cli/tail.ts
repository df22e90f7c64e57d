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
    json: toggle({ doc: 'Print each event as a line of JSON: id, topic, type, key, remove, time, data.' }),
  },

  async run({ url: hub, token, from, json }, topics) {
    if (topics.length === 0) throw new UsageError('tail needs a topic: tailrace tail <topic…>')
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
        if (type === 'tailrace.error') notice(`the hub closes the stream: ${data}`)
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
