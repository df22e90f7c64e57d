import { buffer as readAll } from 'node:stream/consumers'
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
  summary: 'Publish one event, or the lines of a growing file.',
  description: `Without data, or with -, the data is read from standard input, without its final line end. The id of the event is
printed once the event is durable. With --follow, each line of FILE becomes an event for as long as the command runs. The
position is saved in a file next to FILE, so that after a restart no line is published twice and none is missed.`,
  settings: {
    url: HUB_URL,
    token: TOKEN,
    type: optional('text', { doc: 'Type of the event.' }),
    key: optional('text', { doc: 'Key of the event. A snapshot contains the newest event of each key.' }),
    remove: toggle({ doc: 'Remove the key: snapshots no longer contain it. Requires --key.' }),
    'idempotency-key': optional('text', {
      doc: 'Publish nothing if this key was used for the same topic within 24 hours.',
    }),
    end: toggle({ doc: 'End the topic with this event.' }),
    follow: optional('file', {
      doc: 'Publish the lines of this file and those appended to it, across rotation.',
    }),
    state: optional('file', { doc: 'File in which --follow saves its position. Default: FILE.tailrace.' }),
    json: toggle({ doc: 'Print the complete response of the hub.' }),
  },

  async run(values, [topic, data, ...rest]) {
    if (topic === undefined) throw new UsageError('publish requires a topic: tailrace publish <topic> [data]')
    if (rest.length > 0) throw new UsageError('publish accepts one data argument: put quotes around it')
    if (values.follow !== undefined) {
      if (data !== undefined) throw new UsageError('publish cannot combine data with --follow')
      for (const name of ['key', 'remove', 'idempotency-key', 'end', 'json'] as const) {
        if (values[name] !== undefined && values[name] !== false)
          throw new UsageError(`publish cannot combine --${name} with --follow`)
      }
    }
    endWithOutput()
    // Loaded only here, so that all other commands start faster.
    const { ClientError, publish: publishTo } = await import('@tailrace/client')
    try {
      if (values.follow !== undefined) {
        const { follow: file, state = `${file}.tailrace`, url, token, type } = values
        // Loaded only with --follow, so that all other commands start faster.
        const { follow: followFile } = await import('../follow/follow.ts')
        await followFile({ file, state, url, token, topic, type, signal: stopSignal(), notice })
        return 0
      }
      const event = {
        data: data === undefined || data === '-' ? await readEvent() : data,
        type: values.type,
        key: values.key,
        remove: values.remove,
        idempotencyKey: values['idempotency-key'],
        end: values.end,
      }
      // One attempt: a person who waits for a command wants to know about a failure at once.
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

/** Reads standard input and removes one final line end. A byte order mark is part of the data. */
async function readEvent(): Promise<string> {
  const bytes = await readAll(process.stdin)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.replace(/\r?\n$/, '')
  } catch {
    throw new UsageError('publish requires UTF-8 text, and standard input is not valid UTF-8')
  }
}

function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  return stop.signal
}
