import type { Dialect, GapPolicy, Hub, Subscription } from '@tailrace/hub'
import type { Compression } from '../compression.ts'
import type { Exchange } from '../exchange.ts'
import { header } from '../header.ts'
import { STREAM_HEADERS } from '../stream-headers.ts'
import { openStream } from '../stream.ts'
import { parseSubscription, STREAM_PARAMETERS } from '../subscription.ts'
import { answering } from './answering.ts'
import { askedFor } from './asked-for.ts'
import type { Defaults } from './asked-for.ts'
import { APP_GATE, clientOf } from './reader.ts'
import type { Rights } from './reader.ts'
import { selectorsOf } from './selectors.ts'
import type { Chosen } from './selectors.ts'

/**
 * A stream that an application serves. `from`, `snapshot`, `gap`, `conflateMs` and `envelope` are what a request gets
 * that does not ask for anything else (spec/protocol.md, 3.4 to 3.11).
 */
export interface ServeOptions extends Chosen, Rights {
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
  /** Ends the rights of the reader, and the stream with them, when it is aborted. */
  readonly signal?: AbortSignal | undefined
  /** How the stream is written. @defaultValue the dialect of `spec/protocol.md` */
  readonly dialect?: Dialect | undefined
  /**
   * Compresses the answer if the client accepts that, see `createCompression` of `@tailrace/http/node`. One for all
   * answers: streams share what they have in common. @defaultValue the answer is not compressed
   */
  readonly compression?: Compression | undefined
}

const ASKABLE: readonly string[] = [...STREAM_PARAMETERS].filter((name) => name !== 'topic')

/** Serves a stream of the topics that the application chose. */
export function handleStream(hub: Hub, exchange: Exchange, options: ServeOptions): Promise<void> {
  const { dialect, signal, snapshot } = options
  return answering({ hub, exchange, dialect, method: 'GET' }, async () => {
    const client = clientOf(exchange, options)
    const selectors = selectorsOf(options)
    requireSound(options, selectors)
    const asked = parseSubscription({
      selectors,
      query: askedFor(exchange, ASKABLE, (given) => defaultsFor(given, options)),
      lastEventId: header(exchange, 'Last-Event-ID'),
    })
    const subscription = {
      ...asked,
      dialect: dialect ?? asked.dialect,
      snapshot: typeof snapshot === 'function' ? snapshot : asked.snapshot,
      signal,
    }
    // Said here, because a `Response` that nobody reads yet accepts no last words.
    if (signal?.aborted === true)
      exchange.answer(200, STREAM_HEADERS, hub.turnAway(subscription.dialect, 'revoked'))
    else await openStream({ hub, gate: APP_GATE, client, exchange }, subscription, STREAM_HEADERS)
  })
}

/** The options as parameters of a request, so that one parser checks both. */
function parametersOf({ from, snapshot, gap, conflateMs, envelope }: ServeOptions): Defaults {
  return {
    from,
    snapshot: snapshot === true || typeof snapshot === 'function' ? 'true' : undefined,
    gap,
    conflate: conflateMs === undefined ? undefined : `${conflateMs}ms`,
    envelope: envelope === true ? 'json' : undefined,
  }
}

/** Where a reader starts is one choice: a request that makes it gets no default that contradicts it. */
function defaultsFor(given: URLSearchParams, options: ServeOptions): Defaults {
  const { from, snapshot, ...defaults } = parametersOf(options)
  const fromStart = given.get('from') === 'start' || given.get('lastEventId') === 'start'
  return {
    ...defaults,
    from: given.get('snapshot') === 'true' ? undefined : from,
    snapshot: fromStart ? undefined : snapshot,
  }
}

/** The mistakes of the application must not look like those of a reader. @throws RangeError */
function requireSound(options: ServeOptions, selectors: readonly string[]): void {
  const query = askedFor({ target: '' }, ASKABLE, () => parametersOf(options))
  try {
    parseSubscription({ selectors, query })
  } catch (cause) {
    throw new RangeError(`The options of this stream are not valid. ${(cause as Error).message}`, { cause })
  }
}
