import type { IncomingMessage, ServerResponse } from 'node:http'
import { HubError, parseTraceContext } from '@tailrace/hub'
import type { Hub, Published } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import type { NewEvent, TraceContext } from '@tailrace/log'
import { requireAnyPublish, requirePublish } from '../auth/access.ts'
import type { Client } from '../limits/limits.ts'
import { readText } from './body.ts'
import type { Gate } from './gate.ts'
import { header } from './header.ts'
import { sendJson } from './json.ts'
import { parseBatch } from './ndjson.ts'
import { HttpError, SLOW_REQUEST } from './problem.ts'

/** A publish, and who makes it. */
export interface PublishCall {
  readonly hub: Hub
  readonly gate: Gate
  readonly client: Client
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** The line of an NDJSON batch may say as much again around its data. */
const NDJSON_OVERHEAD = 2

/** `POST /topics/<topic>`, one event or a batch; `POST /topics`, a batch whose lines name their topics. */
export async function publish(call: PublishCall, topic: string | undefined): Promise<void> {
  const { hub, gate, client, request, response } = call
  // Before its body is read, as far as can be told by then.
  if (topic === undefined) requireAnyPublish(client.identity)
  else requirePublish(client.identity, [topic])
  gate.spend(client, 0, 0)
  const contentType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (contentType === 'application/x-ndjson') {
    const published = await publishBatch(call, topic)
    const status = published.every(({ duplicate }) => duplicate) ? 200 : 201
    sendJson(response, status, { events: published.map(toAnswer) })
  } else if (topic === undefined) {
    throw new HttpError(
      'invalid-header',
      'POST /topics takes a batch: send Content-Type: application/x-ndjson.',
      {
        header: 'Content-Type',
      },
    )
  } else {
    const published = await publishOne(call, await readEvent(topic, hub.limits, request))
    sendJson(response, published.duplicate ? 200 : 201, toAnswer(published))
  }
}

async function publishOne(call: PublishCall, event: NewEvent): Promise<Published> {
  try {
    const [published] = await store(call, [event], event.data)
    return published!
  } catch (error) {
    throw relocate(error, ({ message }) => message, {})
  }
}

async function readEvent(
  topic: string,
  { maxEventBytes }: Hub['limits'],
  request: IncomingMessage,
): Promise<NewEvent> {
  const end = header(request, 'Event-End')
  if (end !== undefined && end !== 'true' && end !== 'false') {
    throw new HttpError('invalid-header', 'Event-End can be true or false.', { header: 'Event-End' })
  }
  return {
    topic,
    type: header(request, 'Event-Type'),
    key: header(request, 'Event-Key'),
    idempotencyKey: header(request, 'Idempotency-Key'),
    end: end === 'true',
    trace: traceOf(request),
    data: await readText(request, maxEventBytes, 'event-too-large'),
  }
}

async function publishBatch(call: PublishCall, topic: string | undefined): Promise<readonly Published[]> {
  const { hub, client, request } = call
  const single = ['Event-Type', 'Event-Key', 'Event-End', 'Idempotency-Key'].find(
    (name) => header(request, name) !== undefined,
  )
  if (single !== undefined) {
    throw new HttpError(
      'invalid-header',
      `${single} is for one event: in a batch, each line says it for itself.`,
      {
        header: single,
      },
    )
  }
  const text = await readText(request, hub.limits.maxBatchBytes * NDJSON_OVERHEAD, 'batch-too-large')
  const { events, lines } = parseBatch(text, topic, traceOf(request))
  requirePublish(client.identity, new Set(events.map((event) => event.topic)))
  try {
    return await store(call, events, text)
  } catch (error) {
    throw withLine(error, lines)
  }
}

async function store(
  { hub, gate, client, response }: PublishCall,
  events: readonly NewEvent[],
  text: string,
): Promise<readonly Published[]> {
  // What was refused meanwhile, for taking too long, must not be stored after all.
  if (response.headersSent) throw new HttpError('request-timeout', SLOW_REQUEST)
  gate.spend(client, events.length, Buffer.byteLength(text))
  return hub.publish(events)
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
  return relocate(error, ({ message }) => `Line ${line}: ${message} Nothing of the batch was published.`, {
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
