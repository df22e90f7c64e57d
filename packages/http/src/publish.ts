import { HubError } from '@tailrace/hub'
import type { Hub, Published } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import type { NewEvent, TraceContext } from '@tailrace/log'
import { receive, receiveText } from './body.ts'
import type { BodyLimit } from './body.ts'
import type { Holding } from './budget.ts'
import type { Admitted, Call } from './call.ts'
import { HttpError } from './errors.ts'
import type { Exchange, RequestHead } from './exchange.ts'
import { permit } from './gate.ts'
import { header } from './header.ts'
import { answerJson } from './json.ts'
import { BatchReader } from './ndjson.ts'
import { quote } from './quote.ts'
import { SLOW_REQUEST } from './problem.ts'
import { topicOf } from './target.ts'
import { parseTraceContext } from './trace.ts'

/** The headers that describe a single event. */
const EVENT_HEADERS = ['Event-Type', 'Event-Key', 'Event-Remove', 'Event-End'] as const
const KNOWN: ReadonlySet<string> = new Set(EVENT_HEADERS.map((name) => name.toLowerCase()))

/** The maximum size of an NDJSON batch, as a multiple of the maximum size of the data in it. */
const NDJSON_OVERHEAD = 2

/** A publish whose body is being received, and what has been received so far. */
interface Receiving extends Admitted {
  readonly holding: Holding
  /** The part that its client has not been charged for yet. */
  readonly cost: { events: number; bytes: number }
}

/** `POST /topics/<topic>`, one event or a batch; `POST /topics`, a batch whose lines name their topics. */
export function publish(call: Call): Promise<void> {
  return publishTo(call, call.rest === undefined ? undefined : topicOf(call.rest))
}

/**
 * Publishes what a request contains.
 *
 * @param topic - undefined if the lines of a batch name their topics
 */
export async function publishTo(call: Admitted, topic: string | undefined): Promise<void> {
  const { gate, client, exchange } = call
  // Before the body is read, as far as it can be decided by then.
  const permitted = permit(
    gate.mayPublish(client, topic),
    topic === undefined ? 'publish' : `publish to ${topic}`,
  )
  if (permitted !== undefined) await permitted
  gate.requireRate(client)
  const holding = gate.bodies.open(client.address)
  const receiving = { ...call, holding, cost: { events: 0, bytes: 0 } }
  try {
    refuseUnknownHeaders(exchange)
    if (isBatch(exchange)) {
      const published = await publishBatch(receiving, topic)
      const status = published.every(({ duplicate }) => duplicate) ? 200 : 201
      answerJson(exchange, status, { events: published.map(toAnswer) })
    } else {
      const event = fieldsOf(exchange, topic)
      const received = receiveText(receiving, eventLimit(call.hub.limits))
      const data = typeof received === 'string' ? received : await received
      receiving.cost.events = 1
      const [published] = await store(receiving, [{ ...event, data }])
      answerJson(exchange, published!.duplicate ? 200 : 201, toAnswer(published!))
    }
  } finally {
    holding.release()
    // A refused publish has been read all the same.
    charge(receiving)
  }
}

function isBatch(head: RequestHead): boolean {
  const contentType = head.header('content-type')
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/x-ndjson'
}

function eventLimit({ maxEventBytes }: Hub['limits']): BodyLimit {
  return { maxBytes: maxEventBytes, tooLarge: 'event-too-large' }
}

/** An event without its data. Fields that it does not have are left out: between threads, each costs time. */
function fieldsOf(head: RequestHead, topic: string | undefined): Omit<NewEvent, 'data'> {
  if (topic === undefined) {
    throw new HttpError(
      'invalid-header',
      'Only batches whose lines name their topics are accepted here: send Content-Type: application/x-ndjson.',
      {
        details: {
          header: 'Content-Type',
        },
      },
    )
  }
  const fields: { -readonly [Name in keyof Omit<NewEvent, 'data'>]: NewEvent[Name] } = { topic }
  const type = header(head, 'Event-Type')
  if (type !== undefined) fields.type = type
  const key = header(head, 'Event-Key')
  if (key !== undefined) fields.key = key
  if (flag(head, 'Event-Remove')) fields.remove = true
  const idempotencyKey = header(head, 'Idempotency-Key')
  if (idempotencyKey !== undefined) fields.idempotencyKey = idempotencyKey
  if (flag(head, 'Event-End')) fields.end = true
  const trace = traceOf(head)
  if (trace !== undefined) fields.trace = trace
  return fields
}

/** The value of an optional header that is `true` or `false`. */
function flag(head: RequestHead, name: string): boolean {
  const value = header(head, name)
  if (value === undefined || value === 'true' || value === 'false') return value === 'true'
  throw new HttpError('invalid-header', `${name} must be true or false.`, { details: { header: name } })
}

/** A mistyped `Event-Key` must not publish an event without a key. */
function refuseUnknownHeaders({ headerNames }: Exchange): void {
  for (const name of headerNames) {
    if (!name.startsWith('event-') || KNOWN.has(name)) continue
    const shown = quote(name).slice(1, -1)
    const message = `There is no header ${shown}; the headers of an event are ${EVENT_HEADERS.join(', ')}.`
    throw new HttpError('invalid-header', message, { details: { header: shown } })
  }
}

async function publishBatch(call: Receiving, topic: string | undefined): Promise<readonly Published[]> {
  const { hub, exchange } = call
  const single = [...EVENT_HEADERS, 'Idempotency-Key'].find((name) => header(exchange, name) !== undefined)
  if (single !== undefined) {
    throw new HttpError(
      'invalid-header',
      `${single} applies to a single event: in a batch, set it in each line instead.`,
      {
        details: {
          header: single,
        },
      },
    )
  }
  const batch = new BatchReader({ limits: hub.limits, topic, trace: traceOf(exchange) })
  await receiveBatch(call, batch)
  try {
    return await store(call, batch.events)
  } catch (error) {
    throw atLine(error, batch.lines)
  }
}

/**
 * Receives a batch. After a bad line, the rest is read and discarded, because most clients read the answer only after
 * they have sent everything.
 */
async function receiveBatch(call: Receiving, batch: BatchReader): Promise<void> {
  const { hub, gate, client, holding, cost } = call
  const permitted = new Set<string>()
  let refusal: Error | undefined

  async function read(step: () => void): Promise<void> {
    if (refusal !== undefined) return
    try {
      step()
      const fresh = new Set<string>()
      for (const { topic } of batch.events.slice(cost.events)) if (!permitted.has(topic)) fresh.add(topic)
      for (const topic of fresh) await permit(gate.mayPublish(client, topic), `publish to ${topic}`)
      for (const topic of fresh) permitted.add(topic)
    } catch (error) {
      refusal = error as Error
      holding.release()
    }
    cost.events = batch.events.length
  }

  const maxBytes = hub.limits.maxBatchBytes * NDJSON_OVERHEAD
  await receive(call, { maxBytes, tooLarge: 'batch-too-large' }, (slice) => read(() => batch.add(slice)))
  await read(() => batch.finish())
  if (refusal !== undefined) throw refusal
}

function store(call: Receiving, events: readonly NewEvent[]): Promise<readonly Published[]> {
  const { hub, gate, client, exchange, holding, cost } = call
  // If it was refused meanwhile for taking too long, it must not be stored after all.
  if (exchange.isAnswered) throw new HttpError('request-timeout', SLOW_REQUEST)
  gate.requireRate(client, cost.events, cost.bytes)
  charge(call)
  // Events that wait for their commit have a separate bound.
  holding.release()
  return hub.publish(events)
}

function charge({ gate, client, cost }: Receiving): void {
  if (cost.bytes > 0 || cost.events > 0) gate.charge(client, cost.events, cost.bytes)
  cost.events = 0
  cost.bytes = 0
}

/**
 * The trace context, which instrumented clients send by themselves. Unlike other headers, it is not refused if it is
 * invalid.
 */
function traceOf(head: RequestHead): TraceContext | undefined {
  return parseTraceContext(head.header('traceparent'), head.header('tracestate'))
}

/** Adds the number of the rejected line to an error, because the client sent lines. */
function atLine(error: unknown, lines: readonly number[]): unknown {
  if (!HubError.is(error) && !LogError.is(error)) return error
  const { index, ...details } = error.details
  if (typeof index !== 'number') return error
  const line = lines[index]!
  const message = `Line ${line}: ${error.message} No event of the batch was published.`
  return new HttpError(error.code, message, { cause: error, details: { ...details, line } })
}

function toAnswer({ id, topic, duplicate }: Published): Record<string, unknown> {
  return { id, topic, ...(duplicate ? { duplicate } : {}) }
}
