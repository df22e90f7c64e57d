import { text } from 'node:stream/consumers'
import { request as httpRequest } from 'node:http'
import { publish } from './load/publish.ts'
import { openReaders } from './load/readers.ts'
import { EVENT_DATA } from './measure.ts'
import type { Addressed, Place, WireRequest } from './peer.ts'

export interface Resume {
  readonly readers: number
  /** How many events each of them has missed. */
  readonly missed: number
  readonly limitSeconds: number
}

/** From the first connection until each reader has what it missed, in seconds, and how many of them have it, in percent. */
export async function resume(
  request: WireRequest,
  work: Resume,
): Promise<{ seconds: number; complete: number }> {
  const limitMs = work.limitSeconds * 1000
  const began = performance.now()
  await using readers = await openReaders(request, {
    count: work.readers,
    marks: work.missed,
    inFlight: 500,
  })
  const ms = await readers.complete(Math.max(1, limitMs - (performance.now() - began)))
  const { complete } = await readers.report()
  return { seconds: ms === undefined ? Number.NaN : ms / 1000, complete: (complete / work.readers) * 100 }
}

/** Publishes an event that every reader has received, and then `count` that none has. Returns the id of the first one. */
export async function publishMissed(server: Addressed, place: Place, count: number): Promise<string> {
  const answer = await send(server.publish(place, 'missed', 'the last one that was seen'))
  const id = server.publishedId?.(answer)
  if (id === undefined) throw new Error('the server does not say what id an event was given')
  await publish(server.publish(place, 'missed', EVENT_DATA), { connections: 1, rate: 0, count })
  return id
}

function send({ port, text: wire }: WireRequest): Promise<string> {
  const [head = '', body = ''] = wire.split('\r\n\r\n', 2)
  const [start = '', ...fields] = head.split('\r\n')
  const [method = '', path = ''] = start.split(' ')
  const headers = Object.fromEntries(fields.map((field) => field.split(': ', 2) as [string, string]))
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => resolve(text(response)),
    )
    request.on('error', reject).end(body)
  })
}
