import { createRandom } from './random.ts'

/** Longer waits, counted in iterations of the event loop, would only slow down a run. */
const MAX_DELAY_TURNS = 16
/** A chunk is split into at most this many pieces, or 1 MiB in single bytes would take a million iterations. */
const MAX_PIECES = 16
const RANGE = 2 ** 32

/** The faults that a proxy causes. Every probability is 0 by default. */
export interface FaultOptions {
  /** In `[0, 1)`. Drawn once per connection, so that the faults of one connection do not depend on the pace of another. */
  random?: (() => number) | undefined
  /** Probability that a chunk is forwarded in pieces, one per iteration of the event loop. */
  split?: number | undefined
  /** Probability that a piece is delayed for some iterations of the event loop. */
  delay?: number | undefined
  /** Probability that reading from upstream stops after a chunk. */
  stall?: number | undefined
  /** The longest stall, in iterations of the event loop. @defaultValue 200 */
  stallTurns?: number | undefined
  /** How long a stall lasts instead, in real time. @defaultValue 0, which means: iterations */
  stallMs?: number | undefined
  /** Probability that a connection is closed, by RST or by FIN, at some byte within `after`. */
  cut?: number | undefined
  /** Probability that one direction of a connection is closed at some byte within `after`, while the other stays open. */
  halfClose?: number | undefined
  /** The range of bytes, both directions together, at which a connection ends. @defaultValue `[1, 65536]` */
  after?: readonly [min: number, max: number] | undefined
}

const KINDS = ['split', 'delay', 'stall', 'cut', 'halfClose', 'refused'] as const

export type FaultKind = (typeof KINDS)[number]
export type FaultCounts = Record<FaultKind | 'total', number>

type Ending = 'reset' | 'finish' | 'half-close-client' | 'half-close-upstream'

/** The faults of one direction of one connection. */
export interface FlowFaults {
  pieces(chunk: Buffer): Buffer[]
  /** Iterations of the event loop by which to delay the next piece. */
  delay(): number
  stall(): { turns: number; ms: number } | undefined
}

export interface ConnectionFaults {
  readonly up: FlowFaults
  readonly down: FlowFaults
  /** Bytes after which the connection ends, if it is to end. */
  readonly endAt: number
  /** How it ends. Counted when requested. */
  ending(): Ending
}

export interface Faults {
  counts(): FaultCounts
  count(kind: FaultKind): void
  ofConnection(): ConnectionFaults
}

export function createFaults(options: FaultOptions): Faults {
  const { split = 0, delay = 0, stall = 0, stallTurns = 200, stallMs = 0, cut = 0, halfClose = 0 } = options
  const [min, max] = options.after ?? [1, 64 * 1024]
  const random = options.random ?? Math.random
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>

  function count(kind: FaultKind): void {
    counts[kind]++
  }

  function ofFlow(canStall: boolean): FlowFaults {
    const dice = createRandom(random() * RANGE)
    return {
      pieces(chunk) {
        if (chunk.length < 2 || !dice.chance(split)) return [chunk]
        count('split')
        const pieces: Buffer[] = []
        let from = 0
        while (from < chunk.length) {
          const left = chunk.length - from
          // Often only a few bytes, to split characters, line ends and chunk headers.
          const size =
            pieces.length === MAX_PIECES - 1 ? left : dice.int(1, Math.min(left, dice.pick([3, left])))
          pieces.push(chunk.subarray(from, from + size))
          from += size
        }
        return pieces
      },
      delay() {
        if (!dice.chance(delay)) return 0
        count('delay')
        return dice.int(1, MAX_DELAY_TURNS)
      },
      stall() {
        if (!canStall || !dice.chance(stall)) return undefined
        count('stall')
        return { turns: dice.int(1, stallTurns), ms: stallMs }
      },
    }
  }

  return {
    counts: () => ({ ...counts, total: KINDS.reduce((sum, kind) => sum + counts[kind], 0) }),
    count,
    ofConnection() {
      const dice = createRandom(random() * RANGE)
      const isCut = dice.chance(cut)
      const isHalfClosed = !isCut && dice.chance(halfClose)
      return {
        up: ofFlow(false),
        down: ofFlow(true),
        endAt: isCut || isHalfClosed ? dice.int(min, max) : Infinity,
        ending() {
          count(isCut ? 'cut' : 'halfClose')
          return dice.pick<Ending>(isCut ? ['reset', 'finish'] : ['half-close-client', 'half-close-upstream'])
        },
      }
    },
  }
}
