import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { openStream, startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from '../auth/tokens.ts'
import { connectRaw } from '../../../http/test/raw-connection.ts'

/** Samples by name and labels, as they are written. */
type Samples = ReadonlyMap<string, number>

interface Scrape {
  readonly text: string
  readonly names: readonly string[]
  readonly samples: Samples
}

async function scrape(url: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const text = await response.text()
  const names = Array.from(text.matchAll(/^# TYPE (\S+) /gm), ([, name]) => name!)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const samples = lines.map((line) => {
    const [, sample, value] = /^(.*) (\S+)$/.exec(line)!
    return [sample!, Number(value)] as const
  })
  return { text, names, samples: new Map(samples) }
}

function live(stream: {
  waitFor(isMet: (frames: readonly { event?: string }[]) => boolean): Promise<unknown>
}) {
  return stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
}

describe('an open hub', () => {
  let hub: HubProcess

  beforeEach(async () => {
    hub = await startHub({ log: 'memory:' })
  })

  afterEach(async () => {
    await hub[Symbol.asyncDispose]()
  })

  test('names the metrics that the documentation lists, and no others', async () => {
    const { names, text } = await scrape(hub.url)
    const page = readFileSync(new URL('../../../../docs/operating/metrics.md', import.meta.url), 'utf8')
    const [, table] = page.split('| Metric | Labels | Says |\n')
    const rows = table!.split('\n\n', 1)[0]!.split('\n').slice(1)
    const listed = rows.flatMap((row) =>
      Array.from(row.split('|')[1]!.matchAll(/`([a-z0-9_]+)`/g), ([, name]) => name!),
    )
    expect(listed.toSorted()).toEqual(names.toSorted())
    expect(new Set(text.match(/^# HELP \S+/gm)).size).toBe(names.length)
  })

  test('counts readers by how their bytes travel, events once for each, and why streams ended', async () => {
    const streams = [
      await openStream(`${hub.url}/topics/t`),
      await openStream(`${hub.url}/topics/t`),
      // What is unusual is left to `node:http`.
      await openStream(`${hub.url}/topics/t`, { headers: { te: 'trailers' } }),
    ]
    await Promise.all(streams.map(live))
    const session = connectHttp2(hub.url)
    const request = session.request({ ':path': '/topics/t', accept: 'text/event-stream' })
    await once(request, 'response')
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (chunk.includes('tailrace.live')) break
    }
    session.destroy()
    await expect
      .poll(async () => (await scrape(hub.url)).samples.get('tailrace_closes_total{reason="client"}'))
      .toBe(1)

    for (const body of ['a', 'b']) await fetch(`${hub.url}/topics/t`, { method: 'POST', body })
    for (const stream of streams) await stream.waitFor((frames) => frames.some(({ data }) => data === 'b'))
    await fetch(`${hub.url}/topics/t`, { method: 'POST', body: 'bye', headers: { 'Event-End': 'true' } })
    await Promise.all(streams.map(({ ended }) => ended))
    const { samples } = await scrape(hub.url)
    expect(samples.get('tailrace_closes_total{reason="ended"}')).toBe(3)
    expect(samples.get('tailrace_streams_total')).toBe(4)
    expect(samples.get('tailrace_publishes_total')).toBe(3)
    expect(samples.get('tailrace_commit_events_sum')).toBe(3)
    expect(samples.get('tailrace_commit_seconds_count')).toBe(3)
    expect(samples.get('tailrace_deliveries_total')).toBeGreaterThanOrEqual(9)
    expect(samples.get('tailrace_delivery_lag_seconds_count')).toBe(3)
    expect(samples.get('tailrace_sent_bytes_total')).toBeGreaterThan(9 * 'data: a\n\n'.length)
  })

  test('shows who is connected now', async () => {
    const streams = [
      await openStream(`${hub.url}/topics/t`),
      await openStream(`${hub.url}/topics/t`),
      await openStream(`${hub.url}/topics/t`, { headers: { te: 'trailers' } }),
    ]
    await Promise.all(streams.map(live))
    const { samples } = await scrape(hub.url)
    expect(samples.get('tailrace_connections{transport="socket",state="live"}')).toBe(2)
    expect(samples.get('tailrace_connections{transport="http1",state="live"}')).toBe(1)
    expect(samples.get('tailrace_connections{transport="http2",state="live"}')).toBe(0)
    expect(samples.get('tailrace_sockets')).toBeGreaterThanOrEqual(3)
    for (const stream of streams) stream.close()
  })

  test('counts refusals by their code, and the gaps that readers were told of by their reason', async () => {
    await fetch(`${hub.url}/topics/t?from=otherlife.1`, { headers: { accept: 'application/json' } })
    await fetch(`${hub.url}/nowhere`)
    await fetch(`${hub.url}/metrics?x=1`)
    const stream = await openStream(`${hub.url}/topics/t?from=otherlife.1`)
    await live(stream)
    stream.close()
    const { samples } = await scrape(hub.url)
    for (const code of ['cursor-gone', 'not-found', 'invalid-query']) {
      expect(samples.get(`tailrace_refusals_total{code="${code}"}`)).toBe(1)
    }
    expect(samples.get('tailrace_gaps_total{reason="epoch"}')).toBe(1)
  })

  test('gives the dashboard each metric that it asks for', async () => {
    const { names, samples } = await scrape(hub.url)
    const dashboard = JSON.parse(
      readFileSync(new URL('../../../../deploy/grafana/tailrace.json', import.meta.url), 'utf8'),
    ) as { panels: { targets: { expr: string }[] }[] }
    const asked = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => expr.match(/\b(?:tailrace|nodejs|process)_[a-z0-9_]+/g) ?? []),
    )
    expect(dashboard.panels).toHaveLength(8)
    expect(asked.length).toBeGreaterThan(8)
    const known = [...names, ...Array.from(samples.keys(), (sample) => sample.split('{', 1)[0])]
    expect(asked.filter((name) => !known.includes(name))).toEqual([])
  })
})

describe('a hub with keys', () => {
  test.each(['/metrics', '/connections'])(
    'shows %s to those who administer it, and to nobody else',
    async (path) => {
      await using hub = await startHub({ env: KEYS, log: 'memory:', args: ['--anonymous-subscribe'] })
      const ask = async (headers: Record<string, string>): Promise<number> =>
        (await fetch(`${hub.url}${path}`, { headers })).status
      expect(await ask({})).toBe(401)
      expect(await ask(bearer(await tokenOf({ publish: ['**'], subscribe: ['**'] })))).toBe(403)
      expect(await ask(bearer(await tokenOf({ admin: true })))).toBe(200)
    },
  )

  test('counts what a limit keeps out once, however often it was looked at', async () => {
    await using hub = await startHub({ env: KEYS, log: 'memory:', args: ['--max-streams-per-subject', '1'] })
    const reader = bearer(await tokenOf({ subscribe: ['**'] }))
    const first = await openStream(`${hub.url}/topics/t`, { headers: reader })
    await live(first)
    const second = await openStream(`${hub.url}/topics/t`, { headers: reader })
    await second.ended
    const admin = bearer(await tokenOf({ admin: true }))
    const text = await (await fetch(`${hub.url}/metrics`, { headers: admin })).text()
    expect(text).toContain('\ntailrace_refusals_total{code="too-many-connections"} 1\n')
    first.close()
  })
})

test('a hub that has all the connections it can have counts those that it drops', async () => {
  const main = fileURLToPath(new URL('../support/limited-main.ts', import.meta.url))
  await using hub = await startHub({ main, log: 'memory:', env: { OPEN_FILES: '72' } })
  const crowd = Array.from({ length: 8 }, () => connectRaw(hub.port))
  // The last one is not for a stream.
  for (const raw of crowd.slice(0, -1)) {
    raw.send('GET /topics/t HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await raw.until((text) => text.includes('tailrace.live'))
  }
  await connectRaw(hub.port).closed
  await connectRaw(hub.port).closed
  for (const raw of crowd) raw.destroy()
  // Until the hub has learnt that they are gone, it drops whoever asks, too.
  await expect
    .poll(() =>
      scrape(hub.url).then(
        ({ samples }) => samples.get('tailrace_connections_dropped_total'),
        () => 0,
      ),
    )
    .toBeGreaterThanOrEqual(2)
})
