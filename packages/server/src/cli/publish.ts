import { buffer as readAll } from 'node:stream/consumers'
import { ClientError, publish as publishTo } from '@tailrace/client'
import { FollowError } from '../follow/follow-error.ts'
import { explain, headersOf, topicAddress } from '../remote-hub.ts'
import { HUB_URL, TOKEN } from './client-settings.ts'
import { notice } from './notice.ts'
import { endWithOutput } from './output.ts'
import { optional, toggle } from './setting.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

export const publish: Verb = verb({
  name: 'publish',
  operands: '<topic> [data]',
  summary: 'Publishes one event, or the lines of a growing file.',
  description: `Without data, or with -, the event is what standard input holds, less one line end at its end. The event's id is
printed once it is durable. With --follow each line becomes an event, for as long as the command runs; where it
stopped is kept in a file beside FILE, so that a restart publishes no line twice and misses none.`,
  settings: {
    url: HUB_URL,
    token: TOKEN,
    type: optional('text', { doc: "The event's type." }),
    key: optional('text', { doc: "The event's key; a snapshot holds the newest event of each." }),
    'idempotency-key': optional('text', {
      doc: 'Within 24 hours, a repeat with the same key publishes nothing.',
    }),
    end: toggle({ doc: 'The topic ends with this event.' }),
    follow: optional('file', { doc: 'Publish the lines of this file, and those it gets, across rotation.' }),
    state: optional('file', { doc: 'Where --follow keeps its place. Default: FILE.tailrace.' }),
    json: toggle({ doc: "Print the hub's whole answer." }),
  },

  async run(values, [topic, data, ...rest]) {
    if (topic === undefined) throw new UsageError('publish needs a topic: tailrace publish <topic> [data]')
    if (rest.length > 0) throw new UsageError('publish takes one text: put quotes around it')
    if (values.follow !== undefined) {
      if (data !== undefined)
        throw new UsageError('publish takes its lines from --follow, and no data beside them')
      for (const name of ['key', 'idempotency-key', 'end', 'json'] as const) {
        if (values[name] !== undefined && values[name] !== false)
          throw new UsageError(`publish takes no --${name} with --follow`)
      }
    }
    endWithOutput()
    try {
      if (values.follow !== undefined) {
        const { follow: file, state = `${file}.tailrace`, url, token, type } = values
        // Loaded by those who follow: every other command starts sooner without it.
        const { follow: followFile } = await import('../follow/follow.ts')
        await followFile({ file, state, url, token, topic, type, signal: stopSignal(), notice })
        return 0
      }
      const event = {
        data: data === undefined || data === '-' ? await readEvent() : data,
        type: values.type,
        key: values.key,
        idempotencyKey: values['idempotency-key'],
        end: values.end,
      }
      // One attempt: whoever waits for a command would rather know.
      const options = { headers: headersOf(values), maxAttempts: 1 }
      const published = await publishTo(topicAddress(values, topic), event, options)
      process.stdout.write(`${values.json ? JSON.stringify(published) : published.id}\n`)
      return 0
    } catch (error) {
      if (ClientError.is(error)) notice(explain(error, values))
      else if (error instanceof FollowError) notice(error.message)
      else throw error
      return 1
    }
  },
})

/** What standard input holds, less one line end at its end. A byte order mark is a part of it. */
async function readEvent(): Promise<string> {
  const bytes = await readAll(process.stdin)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.replace(/\r?\n$/, '')
  } catch {
    throw new UsageError('publish takes text in UTF-8, and what standard input holds is none')
  }
}

function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  return stop.signal
}
