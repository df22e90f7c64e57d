import { openReaders, type ReadersReport } from '../../load/readers.ts'
import type { Peer, WireRequest } from '../../peer.ts'
import { median } from '../../results.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { ask, type Asked, startRelay } from '../relayed.ts'

const FIRST_ANSWERS = 25
const SHORT: Asked = { tokens: 5, rate: 100 }
const whole = (size: Size): Asked => ({ tokens: size.pick(2000, 200), rate: 200 })
const GRACE_MS = 10_000

/** For `Scenario.excludes`. */
export function relaysOnly({ name }: Peer): string | undefined {
  return name === 'tailrace' ? undefined : 'relays nothing'
}

export const relay: Scenario = {
  name: 'relay',
  title: 'A relayed answer',
  describe: (size) =>
    `An answer of ${whole(size).tokens.toLocaleString('en')} tokens, ${whole(size).rate}/s, read through an Express app that relays it and, at the same time, directly from its upstream: the time from the upstream to the reader. For the first token, the time from the request, over ${FIRST_ANSWERS} answers each, in turn.`,
  columns: [
    { key: 'directMs', title: 'direct p50 ms', digits: 2 },
    { key: 'relayedMs', title: 'relayed p50 ms', digits: 2 },
    { key: 'laterMs', title: 'later ms', digits: 2 },
    { key: 'relayedP99Ms', title: 'relayed p99 ms', digits: 2 },
    { key: 'firstDirectMs', title: 'first token direct p50 ms', digits: 2 },
    { key: 'firstRelayedMs', title: 'first token relayed p50 ms', digits: 2 },
    { key: 'firstLaterMs', title: 'first token later ms', digits: 2 },
  ],
  excludes: relaysOnly,
  run: compare,
}

async function compare({ place, size }: Trial): Promise<Figures> {
  await using _ = await startRelay(place)
  // The first answers of a process pay for what it compiles.
  await firstTokens(ask(place, SHORT).relayed, size.pick(50, 5))
  const { direct, relayed } = ask(place, whole(size))
  const [near, far] = await Promise.all([read(direct, whole(size)), read(relayed, whole(size))])
  const short = ask(place, SHORT)
  const [firstDirect, firstRelayed]: [number[], number[]] = [[], []]
  for (let i = 0; i < FIRST_ANSWERS; i++) {
    firstDirect.push(...(await firstTokens(short.direct, 1)))
    firstRelayed.push(...(await firstTokens(short.relayed, 1)))
  }
  return {
    directMs: near.latency.quantileMs(0.5),
    relayedMs: far.latency.quantileMs(0.5),
    laterMs: far.latency.quantileMs(0.5) - near.latency.quantileMs(0.5),
    relayedP99Ms: far.latency.quantileMs(0.99),
    firstDirectMs: median(firstDirect),
    firstRelayedMs: median(firstRelayed),
    firstLaterMs: median(firstRelayed) - median(firstDirect),
  }
}

async function read(request: WireRequest, { tokens, rate }: Asked): Promise<ReadersReport> {
  await using readers = await openReaders(request, { count: 1, marks: tokens })
  const took = await readers.complete((tokens / rate) * 1000 + GRACE_MS)
  if (took === undefined) throw new Error('an answer did not arrive')
  return readers.report()
}

/** Asks one after the other. Resolves with the time of each from the connection to the first token, in milliseconds. */
async function firstTokens(request: WireRequest, count: number): Promise<number[]> {
  const times: number[] = []
  while (times.length < count) {
    await using readers = await openReaders(request, { count: 1, marks: 1 })
    const took = await readers.complete(GRACE_MS)
    if (took === undefined) throw new Error('a first token did not arrive')
    times.push(took)
  }
  return times
}
