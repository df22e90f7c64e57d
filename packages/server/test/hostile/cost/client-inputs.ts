import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { block, FLAG, frame, PREFACE, TYPE } from './http2-frame.ts'
import type { Answer, Input } from './input.ts'
import { answerOn, send, toHttp1 } from './request.ts'
import type { Request } from './request.ts'
import { connectTo, happens, inTime } from './target.ts'
import type { Target } from './target.ts'

const MIB = 1024 * 1024
const NONE: Answer = { status: 0, bytes: 0 }
const PAGE: Request = { path: '/topics/control?limit=1000', headers: [['Accept', 'application/json']] }
const PATTERNS: Request = {
  path: `/events?${Array.from({ length: 100 }, (_, i) => `topic=*/b/*/${i}`).join('&')}`,
}
/** Half of the largest batch. */
const HALF = Buffer.alloc(16 * MIB, 'x')
const HALF_EVENT = Buffer.alloc(MIB - 1, 'x')
const SLOW_BYTES = 500
/** By then the hub is working on the answer. */
const LEAVES_AFTER_MS = 50

/** Runs the same exchange on many connections of one client at once. */
async function together(
  hub: Target,
  count: number,
  act: (socket: Socket) => Promise<unknown>,
): Promise<Answer> {
  const sockets = await Promise.all(Array.from({ length: count }, () => connectTo(hub)))
  try {
    await inTime('an answer', Promise.all(sockets.map(act)))
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  return NONE
}

/** Resolves once the hub has taken all bytes, or refused them. */
async function push(socket: Socket, bytes: Uint8Array): Promise<void> {
  await Promise.race([new Promise((resolve) => socket.write(bytes, resolve)), happens(socket, 'data')])
}

function unfinished(hub: Target, type: string, sent: Uint8Array, length: number) {
  const head = toHttp1(hub, {
    method: 'POST',
    path: '/topics/t',
    headers: [
      ['Content-Type', type],
      ['Content-Length', `${length}`],
    ],
  })
  return async (socket: Socket): Promise<void> => {
    socket.write(head)
    await push(socket, sent)
  }
}

/** Clients that open many connections and read nothing, leave early, or never finish a request. */
export function clientInputs(): Input[] {
  return [
    many('pages of history at once', 10, (hub) => send(hub, PAGE)),
    // Each of them may walk all topics once.
    many('pages of patterns at once', 3, (hub) => send(hub, { ...PATTERNS, headers: PAGE.headers! }), 1_200),
    many('streams at once', 25, (hub) => send(hub, { path: '/topics/control?from=start' })),
    connections('pages of history that nobody reads', 40, (hub) => async (socket) => {
      socket.pause()
      socket.write(toHttp1(hub, PAGE))
      await happens(socket, 'readable')
    }),
    connections('streams that nobody reads', 50, (hub) => async (socket) => {
      socket.pause()
      socket.write(toHttp1(hub, { path: '/topics/control?from=start' }))
      await happens(socket, 'readable')
    }),
    connections('reads of patterns whose client leaves', 5, (hub) => async (socket) => {
      await push(socket, toHttp1(hub, { ...PATTERNS, headers: PAGE.headers! }))
      await delay(LEAVES_AFTER_MS)
    }),
    connections('batches that are never finished', 10, (hub) =>
      unfinished(hub, 'application/x-ndjson', HALF, 31 * MIB),
    ),
    connections('events that are never finished', 150, (hub) =>
      unfinished(hub, 'text/plain', HALF_EVENT, MIB),
    ),
    {
      name: 'pages of history in one packet',
      family: 'pipelined pages',
      size: 15,
      worth: 1_000,
      async run(hub, count) {
        return together(hub, 1, async (socket) => {
          socket.pause()
          socket.write(Buffer.concat(Array.from({ length: count }, () => toHttp1(hub, PAGE))))
          await happens(socket, 'readable')
        })
      },
    },
    {
      name: 'requests in one packet',
      family: 'pipelined requests',
      size: 500,
      worth: 500,
      async run(hub, count) {
        const socket = await connectTo(hub)
        const last = toHttp1(hub, { path: '/healthz', headers: [['Connection', 'close']] })
        socket.write(
          Buffer.concat([...Array.from({ length: count }, () => toHttp1(hub, { path: '/healthz' })), last]),
        )
        socket.resume()
        await inTime('an answer', happens(socket, 'end'))
        socket.destroy()
        return NONE
      },
    },
    {
      name: 'pages of history over HTTP/2 with no window',
      family: 'window',
      size: 40,
      worth: 1_000,
      run: (hub, count) =>
        together({ ...hub, protocol: 'http2' }, 1, (socket) => withoutWindow(socket, count)),
    },
  ]
}

/** Requests that each need a commit, unless they share one. */
export const COMMITS: readonly Input[] = [
  many('requests for /readyz at once', 200, (hub) => send(hub, { path: '/readyz' })),
  many('publishes at once', 200, (hub) => send(hub, { method: 'POST', path: '/topics/t', body: 'x' })),
]

/** Many requests at once, each on its own connection. */
function many(name: string, size: number, ask: (hub: Target) => Promise<Answer>, worth = 20 * size): Input {
  return {
    name,
    family: name,
    size,
    worth,
    async run(hub, count) {
      await Promise.all(Array.from({ length: count }, () => ask(hub)))
      return NONE
    },
  }
}

function connections(
  name: string,
  size: number,
  act: (hub: Target) => (socket: Socket) => Promise<void>,
): Input {
  return { name, family: name, size, worth: 20 * size, run: (hub, count) => together(hub, count, act(hub)) }
}

/** Requests pages on HTTP/2 streams whose window stays 0. Resolves once each has response headers. */
async function withoutWindow(socket: Socket, count: number): Promise<void> {
  const fields = block([
    [':method', 'GET'],
    [':path', PAGE.path],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    ['accept', 'application/json'],
  ])
  const settings = frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))
  const requests = Array.from({ length: count }, (_, i) =>
    frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 2 * i + 1, fields),
  )
  socket.write(Buffer.concat([PREFACE, settings, ...requests]))
  let bytes = Buffer.alloc(0)
  let heads = 0
  const answered = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        if (bytes[3] === TYPE.headers || bytes[3] === TYPE.reset) heads += 1
        bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3))
      }
      if (heads >= count) resolve()
    })
    socket.on('close', resolve)
    socket.on('end', resolve)
  })
  await answered
}

/** Single bytes after a partial head: the cost of each must not depend on how much came before it. */
export const SLOW_HEADS: Input = {
  name: 'a head that comes a byte at a time',
  family: 'slow head',
  size: 23,
  worth: 1_000,
  growth: 1.6,
  run: (hub, size) =>
    together(hub, 4, async (socket) => {
      const answer = answerOn(socket)
      // From 12 KiB to 760 KiB.
      const head = toHttp1(hub, { path: '/topics/t', headers: [['X', 'x'.repeat(size ** 3)]] })
      socket.write(head.subarray(0, -SLOW_BYTES))
      for (const byte of head.subarray(-SLOW_BYTES)) {
        socket.write(Buffer.from([byte]))
        await delay(1)
      }
      await answer
    }),
}

/** Request heads of the given size that are never completed. */
export function halfHeads(bytes: number): Input {
  return connections('heads that are never finished', 150, (hub) => async (socket) => {
    const head = toHttp1(hub, { path: '/topics/t', headers: [['X', 'x'.repeat(bytes)]] })
    await push(socket, head.subarray(0, -4))
  })
}
