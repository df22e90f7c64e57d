import { block, FLAG, frame, PREFACE, TYPE, uint32 } from './http2-frame.ts'
import type { Answer, Input } from './input.ts'
import { connectTo, inTime } from './target.ts'
import type { Target } from './target.ts'

const POST = block([
  [':method', 'POST'],
  [':path', '/topics/t'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
])
const GET = block([
  [':method', 'GET'],
  [':path', '/topics/t'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
])
const SETTINGS = frame(TYPE.settings, 0, 0)
const LAST_PING = Buffer.from('the last')

/** Frames to send after the preface, by count. */
const FLOODS: Readonly<Record<string, (count: number) => Buffer[]>> = {
  SETTINGS: (count) => Array.from({ length: count }, () => SETTINGS),
  'SETTINGS of many values': (count) => [
    frame(
      TYPE.settings,
      0,
      0,
      Buffer.concat(Array.from({ length: Math.min(count, 2_700) }, () => Buffer.from([0, 3, 0, 0, 0, 9]))),
    ),
  ],
  'SETTINGS that change the table': (count) =>
    Array.from({ length: count }, (_, i) => frame(TYPE.settings, 0, 0, Buffer.from([0, 1, 0, 0, i & 15, 0]))),
  'SETTINGS that change the window': (count) => [
    ...opened(50, GET),
    ...Array.from({ length: count }, (_, i) =>
      frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0, 0, i & 127, 0])),
    ),
  ],
  'acknowledgements of SETTINGS': (count) =>
    Array.from({ length: count }, () => frame(TYPE.settings, FLAG.ack, 0)),
  PING: (count) => Array.from({ length: count }, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))),
  'acknowledgements of PING': (count) =>
    Array.from({ length: count }, () => frame(TYPE.ping, FLAG.ack, 0, Buffer.alloc(8))),
  PRIORITY: (count) =>
    Array.from({ length: count }, (_, i) => frame(TYPE.priority, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 9]))),
  'PRIORITY chains': (count) =>
    Array.from({ length: count }, (_, i) =>
      frame(TYPE.priority, 0, 2 * i + 3, Buffer.concat([uint32(2 * i + 1), Buffer.from([9])])),
    ),
  WINDOW_UPDATE: (count) => Array.from({ length: count }, () => frame(TYPE.window, 0, 0, uint32(1))),
  'WINDOW_UPDATE of a stream': (count) => [
    ...opened(1, GET),
    ...Array.from({ length: count }, () => frame(TYPE.window, 0, 1, uint32(1))),
  ],
  'RST_STREAM of streams just opened': (count) =>
    Array.from({ length: count }, (_, i) => i).flatMap((i) => [
      frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 2 * i + 1, GET),
      frame(TYPE.reset, 0, 2 * i + 1, uint32(8)),
    ]),
  'RST_STREAM of one stream': (count) => [
    ...opened(1, POST),
    ...Array.from({ length: count }, () => frame(TYPE.reset, 0, 1, uint32(8))),
  ],
  'streams that are never closed': (count) => opened(count, POST),
  GOAWAY: (count) => Array.from({ length: count }, () => frame(TYPE.goAway, 0, 0, Buffer.alloc(8))),
  'frames of unknown types': (count) =>
    Array.from({ length: count }, () => frame(0xee, 0, 0, Buffer.alloc(64))),
  'DATA of nothing': (count) => [
    ...opened(1, POST),
    ...Array.from({ length: count }, () => frame(TYPE.data, 0, 1)),
  ],
  'DATA of padding': (count) => [
    ...opened(1, POST),
    ...Array.from({ length: Math.min(count, 250) }, () =>
      frame(TYPE.data, FLAG.padded, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])),
    ),
  ],
  'DATA of a byte': (count) => [
    ...opened(1, POST),
    ...Array.from({ length: count }, () => frame(TYPE.data, 0, 1, Buffer.from('x'))),
  ],
  'CONTINUATION without an end': (count) => [
    frame(TYPE.headers, 0, 1, GET),
    ...Array.from({ length: count }, (_, i) =>
      frame(TYPE.continuation, 0, 1, block([[`x-${i}`, 'x'.repeat(64)]])),
    ),
  ],
  'CONTINUATION of nothing': (count) => [
    frame(TYPE.headers, 0, 1, GET),
    ...Array.from({ length: count }, () => frame(TYPE.continuation, 0, 1)),
  ],
  'HEADERS of a byte a frame': (count) => {
    const fields = Buffer.concat([GET, block([['x', 'x'.repeat(count)]])])
    const rest = Array.from({ length: fields.length - 1 }, (_, i) =>
      frame(
        TYPE.continuation,
        i === fields.length - 2 ? FLAG.endHeaders : 0,
        1,
        fields.subarray(i + 1, i + 2),
      ),
    )
    return [frame(TYPE.headers, FLAG.endStream, 1, fields.subarray(0, 1)), ...rest]
  },
  'HEADERS with many fields': (count) => {
    const fields = block(Array.from({ length: Math.min(count, 1_000) }, (_, i) => [`x-${i}`, 'x']))
    return [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, Buffer.concat([GET, fields]))]
  },
  // One byte refers to a field of 4,000 in the dynamic table (RFC 7541, section 6.1).
  'HEADERS that unfold': (count) => {
    const large = Buffer.concat([Buffer.from([0x40]), block([['x', 'x'.repeat(3_900)]]).subarray(1)])
    const fields = Buffer.concat([GET, large, Buffer.alloc(Math.min(count, 12_000), 0xbe)])
    return [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, fields)]
  },
  'changes of the size of the table': (count) => [
    frame(
      TYPE.headers,
      FLAG.endHeaders | FLAG.endStream,
      1,
      Buffer.concat([Buffer.alloc(Math.min(count, 16_000), 0x20), GET]),
    ),
  ],
  'trailers again and again': (count) => [
    ...opened(1, POST),
    ...Array.from({ length: count }, () => frame(TYPE.headers, FLAG.endHeaders, 1, block([['x', 'y']]))),
  ],
}

function opened(count: number, fields: Buffer): Buffer[] {
  return Array.from({ length: count }, (_, i) => frame(TYPE.headers, FLAG.endHeaders, 2 * i + 1, fields))
}

/** A flood of each frame type. */
export function frameInputs(size: number): Input[] {
  return Object.entries(FLOODS).map(([name, build]) => ({
    name,
    family: `frames: ${name}`,
    size,
    // A frame costs more than its bytes: allow for twenty of them what a publish costs.
    worth: size / 20,
    run: (hub, count) => flood(hub, Buffer.concat([PREFACE, SETTINGS, ...build(count)])),
  }))
}

/** Sends frames, then waits for the answer to a final PING or for the end of the connection. */
async function flood(hub: Target, bytes: Buffer): Promise<Answer> {
  const socket = await connectTo(hub)
  let received = 0
  try {
    const read = new Promise<void>((resolve) => {
      let tail = Buffer.alloc(0)
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length
        const seen = Buffer.concat([tail, chunk])
        if (seen.includes(LAST_PING)) resolve()
        tail = seen.subarray(-LAST_PING.length)
      })
      socket.on('end', resolve)
      socket.on('close', resolve)
    })
    socket.write(bytes)
    socket.write(frame(TYPE.ping, 0, 0, LAST_PING))
    await inTime('an answer to a PING', read)
    return { status: 0, bytes: received }
  } finally {
    socket.destroy()
  }
}
