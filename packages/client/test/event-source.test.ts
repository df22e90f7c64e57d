import { afterEach, describe, expect, test, vi } from 'vitest'
import { EventSource } from '@tailrace/client'
import type { EventSourceErrorEvent } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer
let source: EventSource | undefined

afterEach(async () => {
  source?.close()
  await server?.[Symbol.asyncDispose]()
})

async function open(script: Script): Promise<EventSource> {
  server = await startScripted(script)
  source = new EventSource(server.url)
  return source
}

function next<E extends Event = MessageEvent<string>>(from: EventSource, type: string): Promise<E> {
  return new Promise((resolve) =>
    from.addEventListener(type, (event) => resolve(event as Event as E), { once: true }),
  )
}

/** The events of these types, until one whose data is `done`. */
async function untilDone(from: EventSource, ...types: string[]): Promise<MessageEvent<string>[]> {
  const events: MessageEvent<string>[] = []
  await new Promise<void>((resolve) => {
    for (const type of ['message', ...types]) {
      from.addEventListener(type, (event) => {
        const message = event as MessageEvent<string>
        if (message.data === 'done') resolve()
        else events.push(message)
      })
    }
  })
  return events
}

describe('the constructor', () => {
  test('takes whatever can be a string, and resolves nothing that is no URL', async () => {
    server = await startScripted((response) => stream(response))
    source = new EventSource({ toString: () => server.url } as unknown as string)
    expect(source.url).toBe(server.url)
    expect(source.withCredentials).toBe(false)
    expect(source.readyState).toBe(EventSource.CONNECTING)
    expect(new EventSource(new URL(server.url)).url).toBe(server.url)
    for (const bad of ['http://a b/', 'no scheme', undefined, null]) {
      expect(() => new EventSource(bad as string)).toThrow(expect.objectContaining({ name: 'SyntaxError' }))
    }
  })

  test('has the constants, on the class and on each source', () => {
    source = new EventSource('http://127.0.0.1:1/')
    for (const holder of [EventSource, source]) {
      expect([holder.CONNECTING, holder.OPEN, holder.CLOSED]).toEqual([0, 1, 2])
    }
  })

  test('has its attributes and methods enumerable on the prototype, as Web IDL says', () => {
    const names: string[] = []
    for (const name in EventSource.prototype) names.push(name)
    const own = 'url withCredentials readyState onopen onmessage onerror close CONNECTING OPEN CLOSED'.split(
      ' ',
    )
    expect(names).toEqual(expect.arrayContaining([...own, 'addEventListener']))
    expect(names).not.toContain('constructor')
  })

  test.each(['ftp://localhost/', 'about:blank', 'mailto:a@b.c', 'javascript:0'])(
    'fails for good for %s',
    async (url) => {
      source = new EventSource(url)
      const error = await next<EventSourceErrorEvent>(source, 'error')
      expect(error.message).toContain(url)
      expect(source.readyState).toBe(EventSource.CLOSED)
    },
  )
})

describe('the request', () => {
  test('asks for an event stream that no cache holds', async () => {
    await open((response) => stream(response, 'data: done\n\n'))
    await untilDone(source!)
    const [{ method, headers }] = server.requests as [(typeof server.requests)[0]]
    expect(method).toBe('GET')
    expect(headers).toMatchObject({ accept: 'text/event-stream', 'cache-control': 'no-cache' })
    expect(headers).not.toHaveProperty('last-event-id')
  })

  test.each(['plain', '…', 'é', '\u{1f600}', 'a b'])(
    'comes back with the last id, in UTF-8: %s',
    async (id) => {
      await open((response, _, index) => {
        if (index === 0) stream(response).end(`retry: 1\nid: ${id}\ndata: x\n\n`)
        else stream(response, 'data: done\n\n')
      })
      await untilDone(source!)
      const [, again] = server.requests
      expect(Buffer.from(again!.headers['last-event-id'] as string, 'latin1').toString()).toBe(id)
    },
  )
})

describe('what is answered', () => {
  test('a 200 of text/event-stream opens the source, whatever its parameters and case', async () => {
    server = await startScripted((response) => {
      response.writeHead(200, { 'Content-Type': 'Text/Event-Stream;charset=windows-1252' })
      response.write('data: é\n\ndata: done\n\n')
    })
    source = new EventSource(server.url)
    const opened = next<Event>(source, 'open')
    const events = await untilDone(source)
    await opened
    expect(source.readyState).toBe(EventSource.OPEN)
    // Always UTF-8.
    expect(events.map(({ data }) => data)).toEqual(['é'])
  })

  test.each([204, 205, 299, 404, 410, 500, 503])('a %s ends it for good', async (status) => {
    await open((response) => response.writeHead(status, { 'Content-Type': 'text/event-stream' }).end())
    const error = await next<EventSourceErrorEvent>(source!, 'error')
    expect([error.status, source!.readyState, server.requests.length]).toEqual([
      status,
      EventSource.CLOSED,
      1,
    ])
  })

  test.each(['text/plain', 'text/event-stream-not', 'application/json', ''])(
    'another type ends it for good: %j',
    async (type) => {
      await open((response) =>
        response.writeHead(200, type === '' ? {} : { 'Content-Type': type }).end('data: x\n\n'),
      )
      const error = await next<EventSourceErrorEvent>(source!, 'error')
      expect([error.code, error.status, source!.readyState]).toEqual([
        'not-a-stream',
        200,
        EventSource.CLOSED,
      ])
    },
  )

  test.each([301, 302, 303, 307, 308])(
    'a %s is followed, and the origin is that of the end',
    async (status) => {
      await using target = await startScripted((response) => stream(response, 'data: x\n\ndata: done\n\n'))
      await open((response) => response.writeHead(status, { Location: target.url }).end())
      const [event] = await untilDone(source!)
      expect(event!.origin).toBe(new URL(target.url).origin)
      expect(source!.url).toBe(server.url)
    },
  )

  test('a redirect without a location is an error, not a loop', async () => {
    await open((response) => response.writeHead(302).end())
    const error = await next<EventSourceErrorEvent>(source!, 'error')
    expect([error.status, source!.readyState, server.requests.length]).toEqual([302, EventSource.CLOSED, 1])
  })

  test('a request that somebody else aborts: it fails, as the specification says', async () => {
    const { fetch } = globalThis
    vi.spyOn(globalThis, 'fetch').mockImplementation((url, init) =>
      fetch(url, { ...init, signal: AbortSignal.abort() }),
    )
    source = new EventSource('http://127.0.0.1:1/')
    const error = await next<EventSourceErrorEvent>(source, 'error')
    vi.restoreAllMocks()
    expect([error.code, source.readyState]).toEqual(['aborted', EventSource.CLOSED])
  })

  test('nobody there: it tries again', async () => {
    source = new EventSource('http://127.0.0.1:1/')
    const error = await next<EventSourceErrorEvent>(source, 'error')
    expect([error.code, source.readyState]).toEqual(['network', EventSource.CONNECTING])
  })
})

describe('a stream that ends', () => {
  test('is asked for again after the reconnection time, and the source says so meanwhile', async () => {
    const states: (string | number)[] = []
    await open((response, _, index) => {
      if (index === 0) stream(response).end('retry: 20\nid: 7\ndata: x\n\n')
      else stream(response, 'data: done\n\n')
    })
    source!.onopen = () => states.push('open', source!.readyState)
    source!.onerror = () => states.push('error', source!.readyState)
    const [event] = await untilDone(source!)
    expect(event!.lastEventId).toBe('7')
    expect(states).toEqual(['open', 1, 'error', 0, 'open', 1])
    expect(server.requests[1]!.headers['last-event-id']).toBe('7')
  })

  test('in the middle of an event: that event is discarded, together with its id', async () => {
    await open((response, _, index) => {
      if (index === 0) stream(response).end('retry: 1\nid: 1\ndata: whole\n\nid: 2\ndata: half\n')
      else stream(response, 'data: done\n\n')
    })
    const events = await untilDone(source!)
    expect(events.map(({ data }) => data)).toEqual(['whole'])
    expect(server.requests[1]!.headers['last-event-id']).toBe('1')
  })

  test('with a reset: the same', async () => {
    await open((response, _, index) => {
      if (index === 0) {
        stream(response).write('retry: 1\nid: 1\ndata: whole\n\nid: 2\ndata: half\n')
        source!.addEventListener('message', () => response.destroy(), { once: true })
      } else stream(response, 'data: done\n\n')
    })
    const events = await untilDone(source!)
    expect(events.map(({ data }) => data)).toEqual(['whole'])
    expect(server.requests[1]!.headers['last-event-id']).toBe('1')
  })

  test('a retry that would overflow a timer is no busy loop', async () => {
    await open((response) => stream(response).end('retry: 2147483648\ndata: x\n\n'))
    await next<Event>(source!, 'error')
    // Another source of the same process gets its turn ten times meanwhile.
    for (let i = 0; i < 10; i += 1)
      await fetch(server.url, { method: 'POST' }).then((response) => response.text())
    expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(1)
  })

  test('an empty id clears what is sent back', async () => {
    await open((response, _, index) => {
      if (index === 0) stream(response).end('retry: 1\nid: 1\ndata: x\n\nid\ndata: y\n\n')
      else stream(response, 'data: done\n\n')
    })
    const events = await untilDone(source!)
    expect(events.map(({ lastEventId }) => lastEventId)).toEqual(['1', ''])
    expect(server.requests[1]!.headers).not.toHaveProperty('last-event-id')
  })
})

describe('events', () => {
  test('have type, data, origin and the last id, which persists', async () => {
    await open((response) =>
      stream(response, 'id: 1\nevent: paid\ndata: a\ndata: b\n\ndata: c\n\ndata: done\n\n'),
    )
    const events = await untilDone(source!, 'paid')
    const origin = new URL(server.url).origin
    expect(events.map((event) => [event.type, event.data, event.origin, event.lastEventId])).toEqual([
      ['paid', 'a\nb', origin, '1'],
      ['message', 'c', origin, '1'],
    ])
    expect(events[0]).toBeInstanceOf(MessageEvent)
  })

  test('nothing is dispatched after close, even of a chunk that is here already', async () => {
    await open((response) => stream(response, 'data: 1\n\ndata: 2\n\n'))
    const seen: string[] = []
    await new Promise<void>((resolve) => {
      source!.onmessage = ({ data }) => {
        seen.push(data)
        source!.close()
        setImmediate(resolve)
      }
    })
    expect(seen).toEqual(['1'])
    expect(source!.readyState).toBe(EventSource.CLOSED)
  })

  test('lastEventId is that of the event that is dispatched, not of what came with it', async () => {
    await open((response) => stream(response, 'id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\n\ndata: done\n\n'))
    const ids: string[] = []
    source!.addEventListener('message', () => ids.push(source!.lastEventId))
    await untilDone(source!)
    expect(ids).toEqual(['1', '2', '3'])
  })

  test('one that comes in one chunk with another that is too large is dispatched', async () => {
    const pipe = new TransformStream<Uint8Array, Uint8Array>()
    source = EventSource.fromReadableStream(pipe.readable)
    const event = next(source, 'message')
    const error = next<EventSourceErrorEvent>(source, 'error')
    const chunk = Buffer.alloc(64 * 1024 * 1024 + 100, 'x')
    chunk.write('id: 1\ndata: whole\n\nid: 2\ndata: ')
    void pipe.writable
      .getWriter()
      .write(chunk)
      .catch(() => {})
    expect((await event).data).toBe('whole')
    expect([(await error).code, source.lastEventId]).toEqual(['too-large', '1'])
  })

  test('close before anything came: no event ever', async () => {
    await open((response) => stream(response, 'data: x\n\n'))
    source!.onopen = source!.onmessage = source!.onerror = () => expect.unreachable()
    source!.close()
    await new Promise(setImmediate)
    expect(source!.readyState).toBe(EventSource.CLOSED)
  })

  test('a handler attribute keeps its place among the listeners, and takes only functions', async () => {
    await open((response) => stream(response, 'data: x\n\n'))
    const order: string[] = []
    source!.onmessage = () => order.push('first handler')
    source!.addEventListener('message', () => order.push('listener'))
    source!.onmessage = () => order.push('handler')
    const handler = source!.onmessage
    await next(source!, 'message')
    expect(order).toEqual(['handler', 'listener'])
    expect(source!.onmessage).toBe(handler)
    source!.onmessage = 'no function' as never
    expect(source!.onmessage).toBeNull()
  })
})

test('a line of 14 million characters arrives', async () => {
  const long = 'x'.repeat(14_000_000)
  await open((response) => stream(response, `data: ${long}\n\ndata: done\n\n`))
  const [event] = await untilDone(source!)
  expect(event!.data).toBe(long)
})

describe('from a readable stream', () => {
  function bytes(...chunks: string[]): ReadableStream<Uint8Array> {
    return new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
        controller.close()
      },
    })
  }

  test('dispatches what is in it, and is closed at its end', async () => {
    source = EventSource.fromReadableStream(bytes('id: 1\nda', 'ta: x\n\n'))
    const event = next(source, 'message')
    const error = next<Event>(source, 'error')
    expect((await event).lastEventId).toBe('1')
    await error
    expect(source.readyState).toBe(EventSource.CLOSED)
    expect(source.url).toBe('about:event-stream')
    // That of its URL, as text.
    expect((await event).origin).toBe('null')
  })

  test('one connection after the other can be piped into it, from the place that it says', async () => {
    const pipe = new TransformStream<Uint8Array, Uint8Array>()
    source = EventSource.fromReadableStream(pipe.readable)
    const done = untilDone(source)
    await bytes('retry: 7\nid: 1\ndata: one\n\ndata: ha').pipeTo(pipe.writable, { preventClose: true })
    await expect.poll(() => source!.lastEventId).toBe('1')
    expect(source.reconnectionTime).toBe(7)
    source.reset()
    await bytes('id: 2\ndata: two\n\ndata: done\n\n').pipeTo(pipe.writable)
    expect((await done).map(({ data, lastEventId }) => [data, lastEventId])).toEqual([
      ['one', '1'],
      ['two', '2'],
    ])
  })

  test('says of text that it takes bytes', async () => {
    const text = new ReadableStream({
      start(controller) {
        controller.enqueue('data: x\n\n')
      },
    })
    source = EventSource.fromReadableStream(text)
    const error = await next<EventSourceErrorEvent>(source, 'error')
    expect([error.code, error.message]).toEqual(['invalid-option', 'The stream yields text, not bytes'])
  })

  test('says of a stream that breaks that it has broken', async () => {
    source = EventSource.fromReadableStream(
      new ReadableStream({
        pull(controller) {
          controller.error(new Error('reset'))
        },
      }),
    )
    const error = await next<EventSourceErrorEvent>(source, 'error')
    expect([error.code, source.readyState]).toEqual(['network', EventSource.CLOSED])
  })

  test('close cancels the stream', async () => {
    let isCancelled = false
    source = EventSource.fromReadableStream(
      new ReadableStream({
        cancel() {
          isCancelled = true
        },
      }),
    )
    await next<Event>(source, 'open')
    source.close()
    expect(isCancelled).toBe(true)
  })
})
