import { openPostgresLog } from '@tailrace/log-postgres'
import { needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, schemaOf, useServer, type Application } from './server.ts'
import { follow, readEverything } from './tail.ts'

const postgres = needs('postgres')

describe.skipIf(!postgres)('the order of commits and of offsets', () => {
  const engine = useServer()

  test('differ in a table with a plain sequence: a reader that continues after the last row misses one', async () => {
    const url = engine.nextUrl()
    await using apps = await connectAll(url)
    const [one, other, reader] = apps.all
    await one.run('CREATE TABLE naive (id bigserial PRIMARY KEY, data text)')
    await one.run(`BEGIN; INSERT INTO naive (data) VALUES ('first')`)
    await other.run(`INSERT INTO naive (data) VALUES ('second')`)
    const seen = await reader.run('SELECT * FROM naive WHERE id > 0 ORDER BY id')
    await one.run('COMMIT')
    const last = seen.at(-1)!['id']
    seen.push(...(await reader.run('SELECT * FROM naive WHERE id > $1 ORDER BY id', [last])))
    expect(seen.map(({ data }) => data)).toEqual(['second'])
  })

  test('are the same here, so that the reader misses nothing', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using apps = await connectAll(url)
    const [one, other] = apps.all
    await one.run(`BEGIN; SELECT tailrace.publish('a', 'first')`)
    await other.run(`SELECT tailrace.publish('a', 'second')`)
    const query = { selectors: ['a'], limit: 10, maxBytes: 1_000 }
    const before = await log.read({ ...query, after: 0 })
    await one.run('COMMIT')
    const after = await log.read({ ...query, after: before.next })
    expect([...before.events, ...after.events].map(({ data }) => data)).toEqual(['second', 'first'])
    await log.close()
  })

  test('are told to every tail, though retention removes events as soon as they are there', async () => {
    const url = engine.nextUrl()
    const nodes = await Promise.all([openPostgresLog({ url }), openPostgresLog({ url })])
    const told = await Promise.all(nodes.map(follow))
    await using app = await connect(url)
    await app.run(`SET search_path = ${schemaOf(url)}`)
    // One transaction at a time publishes and removes, so that no tail can be in time.
    for (let i = 0; i < 20; i += 1) {
      await app.run(
        `BEGIN; SELECT tailrace.publish('a', '${i}'), tailrace.publish('a', '${i}'); SET CONSTRAINTS ALL IMMEDIATE`,
      )
      await app.run(
        `SELECT tailrace.remove_events(NULL, (SELECT array_agg(seq) FROM tailrace.events), '{}', 0)`,
      )
      await app.run('COMMIT')
    }
    const [last] = await nodes[0].append([{ topic: 'a', data: 'last' }])
    for (const { events } of told) {
      await expect.poll(() => events.at(-1)?.offset).toBe(last!.offset)
      expect(events.map(({ data }) => data)).toEqual([
        ...Array.from({ length: 40 }, (_, i) => `${i >> 1}`),
        'last',
      ])
    }
    expect(await readEverything(nodes[1])).toHaveLength(1)
    await Promise.all(nodes.map((node) => node.close()))
  })

  test('are the same for many writers of all kinds, at every reader that follows them', async () => {
    const url = engine.nextUrl()
    const nodes = await Promise.all([openPostgresLog({ url }), openPostgresLog({ url })])
    const told = await Promise.all(nodes.map(follow))
    await using apps = await connectAll(url)
    const rounds = 15
    // A reader that polls, as naive as can be: everything after the last offset it has seen.
    const polled: number[] = []
    let isOver = false
    const polling = (async () => {
      for (let isLast = false; !isLast;) {
        isLast = isOver
        const rows = await apps.all[2].run('SELECT seq FROM tailrace.events WHERE seq > $1 ORDER BY seq', [
          polled.at(-1) ?? 0,
        ])
        polled.push(...rows.map(({ seq }) => Number(seq)))
      }
    })()
    await Promise.all([
      ...nodes.map(async (node, n) => {
        for (let i = 0; i < rounds; i += 1) {
          await Promise.all(
            [0, 1, 2].map((j) =>
              node.append([0, 1].map((k) => ({ topic: `t/${j}`, data: `hub ${n} ${i} ${j} ${k}` }))),
            ),
          )
        }
      }),
      ...apps.all.slice(0, 2).map(async (app, n) => {
        for (let i = 0; i < rounds; i += 1) {
          await app.run('BEGIN')
          await app.run(
            `SELECT tailrace.publish('t/1', 'app ${n} ${i} 0'), tailrace.publish('t/9', 'app ${n} ${i} 1')`,
          )
          await app.run(i % 5 === 4 ? 'ROLLBACK' : 'COMMIT')
        }
      }),
    ])
    isOver = true
    await polling
    const events = await readEverything(nodes[0])
    expect(events).toHaveLength(2 * rounds * 3 * 2 + 2 * (rounds - rounds / 5) * 2)
    expect(polled).toEqual(events.map(({ offset }) => offset))
    for (const { events: seen } of told) await expect.poll(() => seen.length).toBe(events.length)
    for (const { events: seen } of told) expect(seen).toEqual(events)
    // What was published together is together.
    for (const [i, { data }] of events.entries()) {
      if (data.endsWith(' 1')) expect(events[i - 1]!.data).toBe(`${data.slice(0, -1)}0`)
    }
    await Promise.all(nodes.map((node) => node.close()))
  })
})

type Applications = readonly [Application, Application, Application]

async function connectAll(url: string): Promise<AsyncDisposable & { readonly all: Applications }> {
  const all = await Promise.all([connect(url), connect(url), connect(url)])
  return {
    all,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((app) => app[Symbol.asyncDispose]()))
    },
  }
}
