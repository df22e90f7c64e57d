import { atLeast, atMost, type Reach } from '../reach.ts'
import { medianOf, type Results } from '../results.ts'

const RIVAL = 'better-sse'

/** The targets for applications, compared with the medians. */
export function reachOfApps(results: Results): Reach[] {
  const at = (scenario: string, key: string, peer = 'tailrace'): number =>
    medianOf(results, scenario, peer, key)
  const ratio = (scenario: string, key = 'cpuMicros'): number => at(scenario, key) / at(scenario, key, RIVAL)
  return [
    atMost(
      'CPU per delivery, an order × 2,000',
      'half of better-sse’s',
      ratio('embed-order'),
      0.5,
      '× better-sse’s',
    ),
    atMost(
      'CPU per delivery, a short note × 2,000',
      'half of better-sse’s',
      ratio('embed-note'),
      0.5,
      '× better-sse’s',
    ),
    atMost(
      'the same outside the kernel',
      'half of better-sse’s',
      ratio('embed-note', 'ownMicros'),
      0.5,
      '× better-sse’s',
    ),
    atMost(
      'memory growth with 1,000 stalled sessions',
      '32 MiB',
      at('stalled-sessions', 'growthMib'),
      32,
      'MiB',
    ),
    atMost('a relayed token, median', 'under 1 ms later', at('relay', 'laterMs'), 1, 'ms'),
    atMost('the first relayed token, median', 'under 2 ms later', at('relay', 'firstLaterMs'), 2, 'ms'),
    atLeast('complete answers of 500 at 50 tokens/s', 'all', at('answers', 'complete'), 500, 'answers'),
  ]
}
