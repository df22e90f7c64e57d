import { createWebSink } from '@tailrace/http/web'
import { HubError, parseStart, StreamFailure } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { MESSAGES, messagesOf } from './message.ts'

/**
 * The chunks of a stream from its start, as they are written. A stream that fails does so after its last chunk.
 *
 * @param from - the cursor of the start
 * @throws StreamFailure, HubError or LogError
 */
export async function* chunksOf(hub: Hub, topic: string, from: string): AsyncGenerator<string> {
  const sink = createWebSink()
  const start = parseStart(from)
  const outcome = await hub.subscribe({ selectors: [topic], dialect: MESSAGES, start }, () => sink)
  if (outcome === 'ended') return
  for await (const message of messagesOf(sink.body)) {
    if ('chunk' in message) yield message.chunk
    else if ('failure' in message) throw new StreamFailure(message.failure.code, message.failure.message)
    else if ('cut' in message) throw cut(message.cut)
    else if ('over' in message) return
  }
  throw cut('closed')
}

function cut(reason: string): HubError {
  const message = `The hub cannot continue the stream (${reason}): resume it.`
  return new HubError('closed', message, { details: { reason } })
}

/** Leaves out the first characters, counted like `length`. */
export async function* skip(chunks: AsyncIterable<string>, characters: number): AsyncGenerator<string> {
  let left = characters
  for await (const chunk of chunks) {
    if (left < chunk.length) yield chunk.slice(left)
    left = Math.max(0, left - chunk.length)
  }
}

/**
 * Puts the two halves of a character together that a producer has put in two chunks: no text can end in one. A generator
 * would not do: it passes on that it is stopped only after the next chunk.
 */
export function wholeCharacters(): TransformStream<string, string> {
  let half = ''
  return new TransformStream({
    transform(chunk, controller) {
      const text = half + chunk
      half = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : ''
      const whole = text.slice(0, text.length - half.length)
      if (whole !== '') controller.enqueue(whole.toWellFormed())
    },
    flush(controller) {
      if (half !== '') controller.enqueue(half.toWellFormed())
    },
  })
}

/** A stream that reads only when it is read from. @param first - comes before the other chunks */
export function toStream(chunks: AsyncGenerator<string>, first?: string): ReadableStream<string> {
  return new ReadableStream(
    {
      start(controller) {
        if (first !== undefined) controller.enqueue(first)
      },
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await chunks.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
