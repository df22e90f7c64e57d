/** A stream to decode, cut into chunks the way a network would. */
export interface Fixture {
  name: string
  /** Which path of the decoder it takes. */
  path: string
  build(bytes: number): Uint8Array[]
}

const KIB = 1024

export const fixtures: readonly Fixture[] = [
  {
    name: 'events, 64 KiB chunks',
    path: 'complete lines, LF only: what a fast link delivers',
    build: (bytes) => cut(events(bytes, ascii), 64 * KIB),
  },
  {
    name: 'events, 1.4 kB chunks',
    path: 'a partial line in each chunk: what a TCP segment holds',
    build: (bytes) => cut(events(bytes, ascii), 1400),
  },
  {
    name: 'events, 64 B chunks',
    path: 'most lines in pieces',
    build: (bytes) => cut(events(bytes, ascii), 64),
  },
  {
    name: 'events, one a chunk',
    path: 'complete blocks: what a hub that is not busy sends',
    build: (bytes) => blocks(events(bytes, ascii)),
  },
  {
    name: 'data only, 64 KiB chunks',
    path: 'one `data` line and a blank one: what model APIs send',
    build: (bytes) =>
      cut(
        repeat(bytes, (random) => `data: {"token":"${ascii(random, 12)}"}\n\n`),
        64 * KIB,
      ),
  },
  {
    name: 'many data lines, 64 KiB chunks',
    path: 'data joined of several lines',
    build: (bytes) =>
      cut(
        repeat(
          bytes,
          (random) => `${Array.from({ length: 8 }, () => `data: ${ascii(random, 60)}\n`).join('')}\n`,
        ),
        64 * KIB,
      ),
  },
  {
    name: 'events with CRLF, 64 KiB chunks',
    path: 'chunks that hold CR',
    build: (bytes) => cut(events(bytes, ascii).replaceAll('\n', '\r\n'), 64 * KIB),
  },
  {
    name: 'one line, 64 KiB chunks',
    path: 'a long unfinished line in a few large pieces',
    build: (bytes) => cut(`data: ${repeat(bytes, (random) => ascii(random, 100))}\n\n`, 64 * KIB),
  },
  {
    name: 'one line, 64 B chunks',
    path: 'a long unfinished line in very many pieces',
    build: (bytes) => cut(`data: ${repeat(bytes, (random) => ascii(random, 100))}\n\n`, 64),
  },
  {
    name: 'keep-alive, 64 KiB chunks',
    path: 'comment lines that nobody asked for',
    build: (bytes) => cut(':\n'.repeat(bytes / 2), 64 * KIB),
  },
  {
    name: 'keep-alive, one a chunk',
    path: 'the cost of a chunk alone',
    build: (bytes) => cut(':\n'.repeat(bytes / 16), 2),
  },
  {
    name: 'multibyte, 64 KiB chunks',
    path: 'two-byte strings',
    build: (bytes) => cut(events(bytes, multibyte), 64 * KIB),
  },
  {
    name: 'multibyte, 1.4 kB chunks',
    path: 'two-byte strings, characters cut in two',
    build: (bytes) => cut(events(bytes, multibyte), 1400),
  },
  {
    name: 'multibyte, 64 B chunks',
    path: 'two-byte strings, characters cut in two, most lines in pieces',
    build: (bytes) => cut(events(bytes, multibyte), 64),
  },
]

type Random = () => number
type Words = (random: Random, length: number) => string

function events(bytes: number, words: Words): string {
  let offset = 0
  return repeat(
    bytes,
    (random) =>
      `event: delta\ndata: {"index":${offset % 7},"text":"${words(random, 60 + Math.floor(random() * 60))}"}\nid: k7x2.${++offset}\n\n`,
  )
}

/** Whole repetitions, at least one, until there are about `bytes` UTF-16 code units. Seeded: always the same. */
function repeat(bytes: number, next: (random: Random) => string): string {
  const random = mulberry32(0x7a11)
  const pieces: string[] = []
  let length = 0
  while (length < bytes) {
    const piece = next(random)
    length += piece.length
    pieces.push(piece)
  }
  return pieces.join('')
}

function ascii(random: Random, length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += String.fromCharCode(97 + Math.floor(random() * 26))
  return text
}

function multibyte(random: Random, length: number): string {
  let text = ''
  while (text.length < length / 2) {
    const kind = random()
    if (kind < 0.6) text += String.fromCodePoint(0x4e00 + Math.floor(random() * 0x5000))
    else if (kind < 0.8) text += String.fromCodePoint(0x400 + Math.floor(random() * 0x100))
    else if (kind < 0.9) text += String.fromCodePoint(0x1f600 + Math.floor(random() * 64))
    else text += ' '
  }
  return text
}

function cut(text: string, size: number): Uint8Array[] {
  const bytes = new TextEncoder().encode(text)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

function blocks(text: string): Uint8Array[] {
  const encoder = new TextEncoder()
  return text
    .split(/(?<=\n\n)/)
    .filter((block) => block !== '')
    .map((block) => encoder.encode(block))
}

/** A small seeded generator, so that two runs and two machines decode the same bytes. */
export function mulberry32(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
