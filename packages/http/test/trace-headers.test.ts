import { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { SpanContext } from '@opentelemetry/api'
import { TraceState, W3CTraceContextPropagator } from '@opentelemetry/core'
import { openStream } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { startServing } from './serving.ts'

const SPAN: SpanContext = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  traceFlags: 1,
  traceState: new TraceState('vendor=a:b,other@tenant=1'),
}
const propagator = new W3CTraceContextPropagator()

/** The headers that an instrumented publisher sends. */
function headersOf(span: SpanContext): Record<string, string> {
  const headers: Record<string, string> = {}
  propagator.inject(trace.setSpanContext(ROOT_CONTEXT, span), headers, defaultTextMapSetter)
  return headers
}

/** The span that an instrumented reader goes on from. */
function spanOf(carrier: unknown): SpanContext | undefined {
  return trace.getSpanContext(propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter))
}

const same = ({ traceId, spanId, traceFlags, traceState }: SpanContext): unknown => ({
  traceId,
  spanId,
  traceFlags,
  state: traceState?.serialize(),
})

test('what OpenTelemetry puts into a publish, it takes out of the frame: lines, envelope and JSON', async () => {
  await using at = await startServing()
  const topic = `${at.url}/topics/orders`
  await fetch(topic, { method: 'POST', body: 'x', headers: headersOf(SPAN) })

  const plain = await openStream(`${topic}?from=start&trace=true`)
  await plain.waitFor((frames) => frames.some(({ data }) => data === 'x'))
  const enveloped = await openStream(`${topic}?from=start&trace=true&envelope=json`)
  await enveloped.waitFor((frames) => frames.some(({ data }) => data?.includes('"x"') === true))
  const [first] = enveloped.frames().filter(({ data }) => data?.includes('"x"'))
  const history = await fetch(`${topic}?trace=true`, { headers: { accept: 'application/json' } })
  const { events } = (await history.json()) as { events: unknown[] }

  const carriers = [plain.frames().find(({ data }) => data === 'x'), JSON.parse(first!.data!), events[0]]
  for (const carrier of carriers) expect(same(spanOf(carrier)!)).toEqual(same({ ...SPAN, isRemote: true }))
  plain.close()
  enveloped.close()
})

test('it is kept from who did not ask for it', async () => {
  await using at = await startServing()
  const topic = `${at.url}/topics/orders`
  await fetch(topic, { method: 'POST', body: 'x', headers: headersOf(SPAN) })
  for (const query of ['?from=start', '?from=start&envelope=json', '?from=start&trace=false']) {
    const stream = await openStream(topic + query)
    await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
    expect(stream.text()).not.toContain('traceparent')
    stream.close()
  }
  const history = await fetch(topic, { headers: { accept: 'application/json' } })
  expect(await history.text()).not.toContain('traceparent')
})

test('the events of a batch have their own, or that of the request', async () => {
  await using at = await startServing()
  const own = { ...SPAN, spanId: 'b7ad6b7169203331' }
  const lines = [{ data: 'a', ...headersOf(own) }, { data: 'b' }]
  const answer = await fetch(`${at.url}/topics/orders`, {
    method: 'POST',
    headers: { ...headersOf(SPAN), 'content-type': 'application/x-ndjson' },
    body: lines.map((line) => JSON.stringify(line)).join('\n'),
  })
  expect(answer.status).toBe(201)
  const history = await fetch(`${at.url}/topics/orders?trace=true`, {
    headers: { accept: 'application/json' },
  })
  const { events } = (await history.json()) as { events: unknown[] }
  expect(events.map((event) => spanOf(event)?.spanId)).toEqual([own.spanId, SPAN.spanId])
})

test('headers that are no trace context are ignored, and the event is published', async () => {
  await using at = await startServing()
  const topic = `${at.url}/topics/orders`
  const { traceparent } = headersOf(SPAN) as { traceparent: string }
  for (const headers of [
    { traceparent: 'x', tracestate: 'a=1' },
    { traceparent, tracestate: '?' },
  ]) {
    expect((await fetch(topic, { method: 'POST', body: 'x', headers })).status).toBe(201)
  }
  const history = await fetch(`${topic}?trace=true`, { headers: { accept: 'application/json' } })
  const { events } = (await history.json()) as { events: Record<string, string>[] }
  expect(events.map((event) => [event['traceparent'], event['tracestate']])).toEqual([
    [undefined, undefined],
    [traceparent, undefined],
  ])
})

test.each([
  ['no trace context', { traceparent: 'x' }, 'invalid-trace'],
  ['a tracestate that is none', { ...headersOf(SPAN), tracestate: 'a=1\r\nid: 1' }, 'invalid-trace'],
  ['a tracestate alone', { tracestate: 'a=1' }, 'invalid-ndjson'],
  ['what is no text', { traceparent: 1 }, 'invalid-ndjson'],
])('a line with %s is refused by its number', async (_, fields, code) => {
  await using at = await startServing()
  const body = `{"data":"a"}\n${JSON.stringify({ data: 'b', ...fields })}`
  const headers = { 'content-type': 'application/x-ndjson' }
  const answer = await fetch(`${at.url}/topics/orders`, { method: 'POST', headers, body })
  expect([answer.status, await answer.json()]).toMatchObject([400, { code, line: 2 }])
})
