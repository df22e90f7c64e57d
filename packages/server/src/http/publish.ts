import type { IncomingMessage, ServerResponse } from 'node:http'
import { HubError, parseTraceContext, quote } from '@tailrace/hub'
import type { Hub, Published } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import type { NewEvent, TraceContext } from '@tailrace/log'
import { requireAnyPublish, requirePublish } from '../auth/access.ts'
import type { Client } from '../limits/limits.ts'
import type { Holding } from '../limits/budget.ts'
import { receive, receiveText } from './body.ts'
import type { Gate } from './gate.ts'
import { header } from './header.ts'
import { sendJson } from './json.ts'
import { BatchReader } from './ndjson.ts'
import { HttpError, SLOW_REQUEST } from './problem.ts'

/** A publish, and who makes it. */
export interface PublishCall {
  readonly hub: Hub
  readonly gate: Gate
  readonly client: Client
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** What describes a single event. */
const EVENT_HEADERS = ['Event-Type', 'Event-Key', 'Event-Remove', 'Event-End'] as const
const KNOWN: ReadonlySet<string> = new Set(EVENT_HEADERS.map((name) => name.toLowerCase()))

/** The line of an NDJSON batch may say as much again around its data. */
const NDJSON_OVERHEAD = 2

/** A publish whose body is received, and what has been received of it. */
interface Receiving extends PublishCall {
  readonly holding: Holding
  /** What its client has not been charged for yet. */
  readonly cost: { events: number; bytes: number }
}

/** `POST /topics/<topic>`, one event or a batch; `POST /topics`, a batch whose lines name their topics. */
export async function publish(call: PublishCall, topic: string | undefined): Promise<void> {
  const { gate, client } = call
  // Before its body is read, as far as can be told by then.
  if (topic === undefined) requireAnyPublish(client.identity)
  else requirePublish(client.identity, [topic])
  gate.requireRate(client)
  const holding = gate.bodies.open(client.address)
  const receiving = { ...call, holding, cost: { events: 0, bytes: 0 } }
  try {
    await receivePublish(receiving, topic)
  } finally {
    holding.release()
    // What was refused has been read all the same.
    charge(receiving)
  }
}

async function receivePublish(call: Receiving, topic: string | undefined): Promise<void> {
  const { hub, request, response } = call
  refuseUnknownHeaders(request)
  const contentType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (contentType === 'application/x-ndjson') {
    const published = await publishBatch(call, topic)
    const status = published.every(({ duplicate }) => duplicate) ? 200 : 201
    sendJson(response, status, { events: published.map(toAnswer) })
  } else if (topic === undefined) {
    throw new HttpError(
      'invalid-header',
      'POST /topics accepts only batches: send Content-Type: application/x-ndjson.',
      {
        header: 'Content-Type',
      },
    )
  } else {
    const published = await publishOne(call, topic, hub.limits)
    sendJson(response, published.duplicate ? 200 : 201, toAnswer(published))
  }
}

async function publishOne(
  call: Receiving,
  topic: string,
  { maxEventBytes }: Hub['limits'],
): Promise<Published> {
  const { request } = call
  const event = {
    topic,
    type: header(request, 'Event-Type'),
    key: header(request, 'Event-Key'),
    remove: flag(request, 'Event-Remove'),
    idempotencyKey: header(request, 'Idempotency-Key'),
    end: flag(request, 'Event-End'),
    trace: traceOf(request),
  }
  const data = await receiveText(call, { maxBytes: maxEventBytes, tooLarge: 'event-too-large' })
  call.cost.events = 1
  try {
    const [published] = await store(call, [{ ...event, data }])
    return published!
  } catch (error) {
    throw relocate(error, ({ message }) => message, {})
  }
}

/** A header that is `true` or `false`; it need not be there. */
function flag(request: IncomingMessage, name: string): boolean {
  const value = header(request, name)
  if (value === undefined || value === 'true' || value === 'false') return value === 'true'
  throw new HttpError('invalid-header', `${name} must be true or false.`, { header: name })
}

/** A mistyped `Event-Key` must not publish an event without a key. */
function refuseUnknownHeaders({ headers }: IncomingMessage): void {
  for (const name in headers) {
    if (!name.startsWith('event-') || KNOWN.has(name)) continue
    const shown = quote(name).slice(1, -1)
    const message = `There is no header ${shown}; the headers of an event are ${EVENT_HEADERS.join(', ')}.`
    throw new HttpError('invalid-header', message, { header: shown })
  }
}

async function publishBatch(call: Receiving, topic: string | undefined): Promise<readonly Published[]> {
  const { hub, request } = call
  const single = [...EVENT_HEADERS, 'Idempotency-Key'].find((name) => header(request, name) !== undefined)
  if (single !== undefined) {
    throw new HttpError(
      'invalid-header',
      `${single} applies to a single event: in a batch, set it in each line instead.`,
      {
        header: single,
      },
    )
  }
  const batch = new BatchReader({ limits: hub.limits, topic, trace: traceOf(request) })
  await receiveBatch(call, batch)
  try {
    return await store(call, batch.events)
  } catch (error) {
    throw withLine(error, batch.lines)
  }
}

/** Receives a batch. What follows a bad line is read and thrown away, since most clients listen only once they have sent all. */
async function receiveBatch(call: Receiving, batch: BatchReader): Promise<void> {
  const { hub, client, holding, cost } = call
  const permitted = new Set<string>()
  let refusal: Error | undefined

  function read(step: () => void): void {
    if (refusal !== undefined) return
    try {
      step()
      const fresh = new Set<string>()
      for (const { topic } of batch.events.slice(cost.events)) if (!permitted.has(topic)) fresh.add(topic)
      requirePublish(client.identity, fresh)
      for (const topic of fresh) permitted.add(topic)
    } catch (error) {
      refusal = error as Error
      holding.release()
    }
    cost.events = batch.events.length
  }

  const maxBytes = hub.limits.maxBatchBytes * NDJSON_OVERHEAD
  await receive(call, { maxBytes, tooLarge: 'batch-too-large' }, (slice) => read(() => batch.add(slice)))
  read(() => batch.finish())
  if (refusal !== undefined) throw refusal
}

async function store(call: Receiving, events: readonly NewEvent[]): Promise<readonly Published[]> {
  const { hub, gate, client, response, holding, cost } = call
  // What was refused meanwhile, for taking too long, must not be stored after all.
  if (response.headersSent) throw new HttpError('request-timeout', SLOW_REQUEST)
  gate.requireRate(client, cost.events, cost.bytes)
  charge(call)
  // What waits for its commit has a bound of its own.
  holding.release()
  return hub.publish(events)
}

function charge({ gate, client, cost }: Receiving): void {
  if (cost.bytes > 0 || cost.events > 0) gate.charge(client, cost.events, cost.bytes)
  cost.events = 0
  cost.bytes = 0
}

/** What instrumented clients send of themselves: unlike other headers it is not refused when it is wrong. */
function traceOf({ headers }: IncomingMessage): TraceContext | undefined {
  const { traceparent, tracestate } = headers as Record<string, string | undefined>
  return parseTraceContext(traceparent, tracestate)
}

/** Says which line was refused, to someone who knows lines and not events. */
function withLine(error: unknown, lines: readonly number[]): unknown {
  if (!isRefusal(error) || typeof error.details['index'] !== 'number') return error
  const line = lines[error.details['index']]!
  return relocate(error, ({ message }) => `Line ${line}: ${message} No event of the batch was published.`, {
    line,
  })
}

/** A refusal whose place in the batch is told in another way. */
function relocate(
  error: unknown,
  say: (error: Error) => string,
  place: Readonly<Record<string, number>>,
): unknown {
  if (!isRefusal(error)) return error
  const { index: _, ...details } = error.details
  const init = { cause: error, details: { ...details, ...place } }
  return HubError.is(error)
    ? new HubError(error.code, say(error), init)
    : new LogError(error.code, say(error), init)
}

function isRefusal(error: unknown): error is HubError | LogError {
  return HubError.is(error) || LogError.is(error)
}

function toAnswer({ id, topic, duplicate }: Published): Record<string, unknown> {
  return { id, topic, ...(duplicate ? { duplicate } : {}) }
}
