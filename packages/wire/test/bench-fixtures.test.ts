import { createDecoder } from '@tailrace/wire'
import { createParser } from 'eventsource-parser'
import { expect, test } from 'vitest'
import { fixtures } from '../bench/fixtures.ts'

interface Seen {
  type: string
  data: string
  id: string
}

function ours(chunks: readonly Uint8Array[]): Seen[] {
  const seen: Seen[] = []
  const decoder = createDecoder({
    onEvent: ({ type, data, lastEventId }) => seen.push({ type, data, id: lastEventId }),
  })
  for (const chunk of chunks) decoder.push(chunk)
  return seen
}

function peer(chunks: readonly Uint8Array[]): Seen[] {
  const seen: Seen[] = []
  const parser = createParser({
    onEvent: ({ event, data, id }) => seen.push({ type: event ?? 'message', data, id: id ?? '' }),
  })
  const utf8 = new TextDecoder()
  for (const chunk of chunks) parser.feed(utf8.decode(chunk, { stream: true }))
  return seen
}

for (const fixture of fixtures) {
  test(`both decoders give the same events: ${fixture.name}`, () => {
    const chunks = fixture.build(200_000)
    const events = ours(chunks)
    expect(events).toEqual(peer(chunks))
    expect(events.length > 0).toBe(!fixture.name.startsWith('keep-alive'))
  })

  test(`the bytes are always the same: ${fixture.name}`, () => {
    expect(fixture.build(1000)).toEqual(fixture.build(1000))
  })
}
