import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { parseStart } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { formatCursor, parseCursor } from '@tailrace/log'
import type { Cursor, StoredEvent } from '@tailrace/log'
import { resolveBounds } from './bounds.ts'
import type { EventStoreBounds } from './bounds.ts'
import { EventStoreError } from './errors.ts'
import { isLast, join, split } from './parts.ts'
import { beginSegment, isFull, prefixOf } from './segment.ts'
import type { Segment } from './segment.ts'
import { growthOf, sweep, topicsUnder } from './sweep.ts'
import { Turns } from './turns.ts'

/** Events that are read at once. */
const PAGE = 1_000

export interface EventStoreOptions extends EventStoreBounds {
  /** The id of the session, as the transport's `sessionIdGenerator` returns it. */
  readonly session: string
}

type Send = Parameters<EventStore['replayEventsAfter']>[1]['send']

/** The place of an event. */
interface Place {
  readonly stream: string
  readonly cursor: Cursor
  /** The topics of the session when it was found. */
  readonly topics: readonly string[]
}

/** The events of one session. */
export interface SessionEventStore extends Required<EventStore> {
  /** Removes everything that is stored for the session. For the transport's `onsessionclosed`. */
  end(): Promise<void>
}

/**
 * Creates the event store of a session, for the transport of Streamable HTTP. It holds no connection and no timer. Another
 * store for the same session, on any node, or after a restart, continues it.
 *
 * @throws EventStoreError `invalid-session` or `invalid-option`
 */
export function createEventStore(hub: Hub, { session, ...given }: EventStoreOptions): SessionEventStore {
  const prefix = prefixOf(session)
  const bounds = resolveBounds(given)
  // Per stream, so that ids grow in the order in which the transport sends, and no message is stored between the end of a
  // replay and the moment at which the transport knows the connection.
  const turns = new Turns()
  const over = new AbortController()
  let segment: Segment | undefined

  function topicFor(events: number, bytes: number): string {
    const now = Date.now()
    if (segment === undefined || isFull(segment, bounds, now)) {
      segment = beginSegment(prefix, now)
      void sweep(hub, segment.topic, bounds)
    }
    segment.events += events
    segment.bytes += bytes
    growthOf(hub).bytes += bytes
    return segment.topic
  }

  async function append(stream: string, message: JSONRPCMessage): Promise<string> {
    if (over.signal.aborted) throw new EventStoreError('session-ended', 'The session has ended.')
    const text = JSON.stringify(message)
    const parts = split(text, hub.limits.maxEventBytes)
    const topic = topicFor(parts.length, Buffer.byteLength(text))
    const published = await hub.publish(parts.map((data) => ({ topic, type: stream, data })))
    return published.at(-1)!.id
  }

  const topics = async (): Promise<string[]> => (await topicsUnder(hub, prefix)).map(({ topic }) => topic)

  /**
   * Events after a position, over all streams; undefined if some of them are lost. The topics are exact, because the losses
   * of other sessions are no concern of this one.
   */
  async function read(
    selectors: readonly string[],
    cursor: Cursor,
    limit: number,
  ): Promise<readonly StoredEvent[] | undefined> {
    if (selectors.length === 0) return undefined
    const start = parseStart(formatCursor(cursor.epoch, cursor.offset))
    const page = await hub.read({ selectors, start, limit }, over.signal)
    return 'gap' in page ? undefined : page.events
  }

  /**
   * Waits until this node sees what other nodes have stored. Only a position that it does not know makes it ask the log how
   * far it is.
   */
  async function catchUp({ epoch }: Cursor): Promise<void> {
    const cursor = { epoch, offset: Number.MAX_SAFE_INTEGER }
    await hub.read(
      { selectors: [`${prefix}*`], start: { at: 'cursor', cursor, text: '' }, limit: 1 },
      over.signal,
    )
  }

  /** Finds an event. Undefined unless it is still stored for this session. */
  async function find(eventId: string): Promise<Place | undefined> {
    const cursor = parseCursor(eventId)
    if (cursor === undefined || cursor.offset === 0) return undefined
    await catchUp(cursor)
    const present = await topics()
    const [event] = (await read(present, { ...cursor, offset: cursor.offset - 1 }, 1)) ?? []
    if (event?.type === undefined || event.offset !== cursor.offset || !isLast(event.data)) return undefined
    return { stream: event.type, cursor, topics: present }
  }

  /** Replays the messages of a stream after a place. */
  async function replay({ stream, cursor, topics: known }: Place, send: Send): Promise<void> {
    // Those that were known when the event was found: if one of them is removed meanwhile, that is a loss.
    const selectors = [...new Set([...known, ...(await topics())])]
    const { epoch } = cursor
    let { offset } = cursor
    let parts: string[] = []
    for (;;) {
      const events = await read(selectors, { epoch, offset }, PAGE)
      if (events === undefined) throw unknown()
      if (events.length === 0) return
      for (const event of events) {
        offset = event.offset
        if (event.type !== stream) continue
        parts.push(event.data)
        if (!isLast(event.data)) continue
        const message = JSON.parse(join(parts)) as JSONRPCMessage
        parts = []
        // What the transport stores first in a stream, to get an id, is not a message.
        if ('jsonrpc' in message) await send(formatCursor(epoch, offset), message)
      }
    }
  }

  return {
    storeEvent: (stream, message) => turns.run(stream, () => append(stream, message)),

    getStreamIdForEventId: async (eventId) => (await find(eventId))?.stream,

    async replayEventsAfter(lastEventId, { send }) {
      const found = await find(lastEventId)
      if (found === undefined) throw unknown()
      const { stream } = found
      return new Promise((resolve, reject) => {
        void turns.run(stream, async () => {
          await replay(found, send).then(() => resolve(stream), reject)
          // By the next task, the transport has registered the connection: later messages go there.
          await new Promise((next) => setTimeout(next))
        })
      })
    },

    async end() {
      over.abort()
      await turns.done()
      for (const { topic } of await topicsUnder(hub, prefix)) await hub.purge(topic)
    },
  }
}

function unknown(): EventStoreError {
  return new EventStoreError('unknown-event', 'No event of this session has this id: it cannot be continued.')
}
