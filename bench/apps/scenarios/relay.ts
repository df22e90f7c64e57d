import { openReaders, type ReadersReport } from '../../load/readers.ts'
import type { Peer, Place, WireRequest } from '../../peer.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { ask, type Asked, startRelay } from '../relayed.ts'

const FIRST_ANSWERS = 20
const whole = (size: Size): Asked => ({ tokens: size.pick(2000, 200), rate: 200 })
const FIRST: Asked = { tokens: 5, rate: 50, first: true }
const GRACE_MS = 10_000

/** For `Scenario.excludes`. */
export function relaysOnly({ name }: Peer): string | undefined {
  return name === 'tailrace' ? undefined : 'relays nothing'
}

export const relay: Scenario = {
  name: 'relay',
  title: 'A relayed answer',
  describe: (size) =>
    `An answer of ${whole(size).tokens.toLocaleString('en')} tokens, ${whole(size).rate}/s, read through \`relay()\` of an Express app and, at the same time, directly from its upstream. For the first token, ${FIRST_ANSWERS} answers each, in turn.`,
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
  // Warm: the first answers of a process pay for what it compiles.
  await readBoth(place, { tokens: size.pick(400, 50), rate: 400 }, 4)
  const all = await readBoth(place, whole(size), 1)
  const first = await readBoth(place, FIRST, FIRST_ANSWERS)
  const p50 = ({ latency }: ReadersReport): number => latency.quantileMs(0.5)
  return {
    directMs: p50(all.direct),
    relayedMs: p50(all.relayed),
    laterMs: p50(all.relayed) - p50(all.direct),
    relayedP99Ms: all.relayed.latency.quantileMs(0.99),
    firstDirectMs: p50(first.direct),
    firstRelayedMs: p50(first.relayed),
    firstLaterMs: p50(first.relayed) - p50(first.direct),
  }
}

async function readBoth(
  place: Place,
  asked: Asked,
  count: number,
): Promise<Record<'direct' | 'relayed', ReadersReport>> {
  const requests = ask(place, asked)
  const [direct, relayed] = await Promise.all([
    read(requests.direct, asked, count),
    read(requests.relayed, asked, count),
  ])
  return { direct, relayed }
}

async function read(
  request: WireRequest,
  { tokens, rate, first }: Asked,
  count: number,
): Promise<ReadersReport> {
  const marks = first ? 1 : tokens
  await using readers = await openReaders(request, { count, marks })
  const took = await readers.complete((tokens / rate) * 1000 + GRACE_MS)
  if (took === undefined) throw new Error('an answer did not arrive')
  return readers.report()
}
