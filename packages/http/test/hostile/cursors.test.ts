import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing } from '../serving.ts'
import type { Serving } from '../serving.ts'
import { ask, expectDocumented } from './asking.ts'
import { fuzz, FUZZ } from './fuzz.ts'

const EVENTS = 5

let serving: Serving
/** A cursor of this log: what stands before the offset. */
let epoch: string

beforeAll(async () => {
  serving = await startServing()
  const published = await serving.hub.publish(
    Array.from({ length: EVENTS }, (_, i) => ({ topic: 't', data: `event ${i + 1}` })),
  )
  epoch = published[0]!.id.split('.')[0]!
})

afterAll(async () => {
  await serving[Symbol.asyncDispose]()
})

const piece = fc.constantFrom(
  'EPOCH',
  '.',
  '0',
  '1',
  '3',
  '5',
  '6',
  '9007199254740991',
  '9007199254740993',
  '-1',
  '1e0',
  '0x1',
  '01',
  ' ',
  'now',
  'start',
  'a',
)
const cursor = fc.oneof(
  fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')),
  fc.tuple(fc.constantFrom('EPOCH', 'otherlife'), fc.nat(20)).map(([one, offset]) => `${one}.${offset}`),
  fc.string({ unit: 'binary', maxLength: 70 }),
)

/** What a cursor of this log is followed by; nothing where it is none. */
function after(text: string): string[] | undefined {
  const [, offset] = new RegExp(`^${epoch}\\.(0|[1-9][0-9]*)$`).exec(text) ?? []
  if (offset === undefined || Number(offset) > EVENTS) return undefined
  return Array.from({ length: EVENTS - Number(offset) }, (_, i) => `event ${Number(offset) + i + 1}`)
}

test(
  'a cursor leads to what follows it, or to the news that it leads nowhere: never past an event',
  FUZZ,
  async () => {
    const seen = { served: 0, gone: 0 }
    await fuzz(
      fc.asyncProperty(cursor, async (template) => {
        const text = template.replaceAll('EPOCH', epoch)
        const from = encodeURIComponent(text.toWellFormed())
        const answer = await ask(
          serving.port,
          `GET /topics/t?from=${from} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n`,
        )
        expectDocumented(answer)
        const known = text === 'start' ? after(`${epoch}.0`) : text === 'now' ? [] : after(text)
        if (known === undefined) {
          expect(answer).toMatchObject({ status: 410, code: 'cursor-gone' })
          seen.gone += 1
        } else {
          const { events } = JSON.parse(answer.body) as { events: { data: string }[] }
          expect(events.map(({ data }) => data)).toEqual(known)
          seen.served += 1
        }
      }),
      1_500,
    )
    expect(Math.min(seen.served, seen.gone)).toBeGreaterThan(50)
    expect(serving.errors).toEqual([])
  },
)

test('in a header it is the same: what follows, a gap, or a refusal', FUZZ, async () => {
  await fuzz(
    fc.asyncProperty(cursor, async (template) => {
      // As bytes, of which a header takes nearly all but those that end it.
      const value = Buffer.from(template.replaceAll('EPOCH', epoch))
        .toString('latin1')
        .replaceAll(/[\r\n\0]/g, '')
      const answer = await ask(
        serving.port,
        `GET /topics/t HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ${value}\r\n\r\n`,
      )
      expectDocumented(answer)
      if (answer.status !== 200) return
      const events = [...answer.body.matchAll(/^data: (event \d)$/gm)].map(([, data]) => data)
      const text = value.replaceAll(/^[\t ]+|[\t ]+$/g, '')
      const known = text === 'start' ? after(`${epoch}.0`) : text === 'now' || text === '' ? [] : after(text)
      const isTold = answer.body.includes('event: tailrace.gap')
      expect({ events, isTold }).toEqual({
        events: known ?? after(`${epoch}.0`),
        isTold: known === undefined,
      })
    }),
    1_000,
  )
  expect(serving.errors).toEqual([])
})

test('a text that is longer than any cursor is not sent back in full', async () => {
  const text = 'x'.repeat(8_000)
  const page = `GET /topics/t?from=${text} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n`
  const stream = `GET /topics/t HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ${text}\r\n\r\n`
  for (const request of [page, stream]) {
    const { body } = await ask(serving.port, request)
    expect(body).toContain(`"from":"${'x'.repeat(64)}"`)
    expect(body.length).toBeLessThan(2_000)
  }
})
