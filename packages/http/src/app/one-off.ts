import { HubError } from '@tailrace/hub'
import type { Hub, StreamOptions, StreamWriter } from '@tailrace/hub'
import type { Admitted } from '../call.ts'
import type { Exchange, HeaderFields } from '../exchange.ts'
import { header } from '../header.ts'
import { answerOtherMethod } from '../other-method.ts'
import { STREAM_HEADERS } from '../stream-headers.ts'
import { openStream } from '../stream.ts'
import { parseSubscription } from '../subscription.ts'
import { answering } from './answering.ts'
import { askedFor } from './asked-for.ts'
import { requireOwnPage } from './own-page.ts'
import { APP_GATE, clientOf } from './reader.ts'
import { requireTopic } from './selectors.ts'
import type { ServeOptions } from './stream.ts'

/** A one-off stream that an application serves. */
export interface ServeStreamOptions
  extends Pick<ServeOptions, 'until' | 'subject' | 'dialect' | 'compression'>, Pick<StreamOptions, 'ttlMs'> {
  /** A topic of its own. */
  readonly topic: string
  /**
   * Called for a `POST`, which opens the stream: writes all of it. The stream ends when this resolves, unless it has
   * ended before, and fails when this rejects. It continues when readers leave. The signal is that of the writer: aborted
   * when the stream is cancelled.
   *
   * @defaultValue none: `POST` is refused
   */
  produce?(writer: StreamWriter, signal: AbortSignal): Promise<void>
  /**
   * Origins of other sites whose pages may open and cancel the stream.
   *
   * @defaultValue none: `POST` and `DELETE` from their pages are refused
   */
  readonly allowOrigins?: readonly string[] | undefined
  /** More headers of the response. @defaultValue none */
  readonly headers?: HeaderFields | undefined
  /**
   * The response to a `GET` if there is no such stream: 204 for clients that ask without knowing of one, as
   * `useChat({ resume: true })` does when a page loads. @defaultValue 404
   */
  readonly absent?: 204 | 404 | undefined
}

/** What a request may ask of a stream that it opens. */
const OPENABLE = ['envelope', 'time', 'trace']
/** What a request may ask of a stream that exists. */
const ASKABLE = [...OPENABLE, 'lastEventId', 'from', 'gap']

/**
 * `POST` opens a stream and answers with it. `GET` answers with it from its start, or from where the reader was. `DELETE`
 * cancels it.
 */
export function handleOneOff(hub: Hub, exchange: Exchange, options: ServeStreamOptions): Promise<void> {
  const { produce, dialect } = options
  return answering({ hub, exchange, dialect }, async () => {
    const topic = requireTopic(options.topic)
    const client = clientOf(exchange, options)
    // It may cost money to open a stream, and to cancel one loses the answer.
    if (exchange.method === 'POST' || exchange.method === 'DELETE')
      requireOwnPage(exchange, options.allowOrigins)
    if (exchange.method === 'GET' || exchange.method === 'HEAD') {
      const found = await hub.findStream(topic)
      if (found === undefined) {
        if (options.absent !== 204) throw unknownStream(topic)
        exchange.answer(204)
        return
      }
      // In a dialect that cannot say that events are missing, a stream must not continue after them.
      const query = askedFor(exchange, ASKABLE, () => ({ from: 'start', gap: dialect && 'close' }))
      // For a one-off stream, whatever is retained is not a start: its beginning may be missing.
      if (query.get('from') === 'start') query.set('from', found.start)
      await attach({ hub, exchange, client }, options, query, header(exchange, 'Last-Event-ID'))
    } else if (exchange.method === 'DELETE') {
      await hub.cancelStream(topic)
      exchange.answer(204)
    } else if (exchange.method === 'POST' && produce !== undefined) {
      // Whoever asked for it is gone, and nobody else can know of it yet.
      if (exchange.isGone) return
      const writer = hub.stream(topic, { ttlMs: options.ttlMs })
      // A stream that exists must not cost its producer a second time.
      const opened = await writer.opened
      void run(writer, produce)
      const query = askedFor(exchange, OPENABLE)
      query.set('from', opened)
      await attach({ hub, exchange, client }, options, query)
    } else {
      const methods = produce === undefined ? ['GET', 'DELETE'] : ['GET', 'POST', 'DELETE']
      answerOtherMethod(exchange, methods)
    }
  })
}

async function run(writer: StreamWriter, produce: NonNullable<ServeStreamOptions['produce']>): Promise<void> {
  try {
    await produce(writer, writer.signal)
  } catch (error) {
    // If the log cannot store it, readers learn of it when the lease of this hub expires.
    await writer.fail(error).catch(() => undefined)
    return
  }
  // It may be over already: cancelled, or ended by `produce`.
  await writer.end().catch(() => undefined)
}

async function attach(
  call: Omit<Admitted, 'gate'>,
  { topic, dialect, headers = {} }: ServeStreamOptions,
  query: URLSearchParams,
  lastEventId?: string,
): Promise<void> {
  const asked = parseSubscription({ selectors: [topic], query, lastEventId })
  const subscription = { ...asked, dialect: dialect ?? asked.dialect }
  await openStream({ ...call, gate: APP_GATE }, subscription, { ...STREAM_HEADERS, ...headers })
}

function unknownStream(topic: string): HubError {
  return new HubError('unknown-stream', `The topic ${topic} is not a stream.`, { details: { topic } })
}
