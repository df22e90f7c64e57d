import type { Dialect, GapPolicy, Hub, Subscription } from '@tailrace/hub'
import type { Exchange } from '../exchange.ts'
import { OPEN_GATE } from '../gate.ts'
import { header } from '../header.ts'
import { answerOtherMethod } from '../other-method.ts'
import { STREAM_HEADERS } from '../stream-headers.ts'
import { openStream } from '../stream.ts'
import { parseSubscription, STREAM_PARAMETERS } from '../subscription.ts'
import { answering } from './answering.ts'
import { askedFor } from './asked-for.ts'
import { selectorsOf } from './selectors.ts'
import type { Chosen } from './selectors.ts'

/**
 * A stream that an application serves. `from`, `snapshot`, `gap`, `conflateMs` and `envelope` are what a request gets
 * that does not ask for anything else (spec/protocol.md, 3.4 to 3.11).
 */
export interface ServeOptions extends Chosen {
  /** Where a reader without a cursor starts: `start`, `now`, or a cursor. @defaultValue `now` */
  readonly from?: string | undefined
  /**
   * What a reader without a cursor receives first. `true`: the newest event of each key. A function: the state of the
   * application, as an event, followed by everything published since it was called; the request cannot choose another one.
   *
   * @defaultValue false
   */
  readonly snapshot?: Subscription['snapshot']
  /** What follows a gap. @defaultValue `replay` */
  readonly gap?: GapPolicy | undefined
  /** Send only the newest event of each key, at most once in this many milliseconds, 10 to 60,000. @defaultValue all */
  readonly conflateMs?: number | undefined
  /** Send topic, type, key, time and data as one JSON object. @defaultValue false */
  readonly envelope?: boolean | undefined
  /** When the rights of the reader end, in milliseconds since the epoch. The stream ends with them. @defaultValue never */
  readonly until?: number | undefined
  /** Ends the rights of the reader, and the stream with them, when it is aborted. */
  readonly signal?: AbortSignal | undefined
  /** The name of the reader, as `hub.survey` and `hub.revoke` see it. Readers take turns by it. @defaultValue their network */
  readonly subject?: string | undefined
  /** How the stream is written. @defaultValue the dialect of `spec/protocol.md` */
  readonly dialect?: Dialect | undefined
}

const ASKABLE: readonly string[] = [...STREAM_PARAMETERS].filter((name) => name !== 'topic')

/** Serves a stream of the topics that the application chose. */
export function handleStream(hub: Hub, exchange: Exchange, options: ServeOptions): Promise<void> {
  const { dialect, until, subject, signal, snapshot } = options
  return answering({ hub, exchange, dialect }, async () => {
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
      answerOtherMethod(exchange, [{ method: 'GET' }])
      return
    }
    const asked = parseSubscription({
      selectors: selectorsOf(options),
      query: askedFor(exchange, ASKABLE, defaultsOf(options)),
      lastEventId: header(exchange, 'Last-Event-ID'),
    })
    const client = { address: exchange.remoteAddress ?? '', subject, expiresAt: until }
    const subscription = {
      ...asked,
      dialect: dialect ?? asked.dialect,
      snapshot: typeof snapshot === 'function' ? snapshot : asked.snapshot,
      signal,
    }
    await openStream({ hub, gate: OPEN_GATE, client, exchange }, subscription, STREAM_HEADERS)
  })
}

/** The options as parameters of a request, so that one parser checks both. */
function defaultsOf({
  from,
  snapshot,
  gap,
  conflateMs,
  envelope,
}: ServeOptions): Record<string, string | undefined> {
  return {
    from,
    snapshot: snapshot === true ? 'true' : undefined,
    gap,
    conflate: conflateMs === undefined ? undefined : `${conflateMs}ms`,
    envelope: envelope === true ? 'json' : undefined,
  }
}
