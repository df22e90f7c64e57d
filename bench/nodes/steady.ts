import { publish } from '../load/publish.ts'
import type { WireRequest } from '../peer.ts'

/** How much longer than it should a load may take before costs per second are meaningless. */
const MAX_STRETCH = 1.5
/** For starting the publisher, and for the last responses. */
const GRACE_SECONDS = 0.5

interface Steady {
  readonly connections: number
  readonly rate: number
  readonly seconds: number
}

/** Publishes at a rate. Rejects if the machine is too busy for it: the costs would be those of another rate. */
export async function publishSteadily(request: WireRequest, load: Steady): Promise<void> {
  const began = performance.now()
  const { acked } = await publish(request, load)
  const took = (performance.now() - began) / 1000
  const events = load.rate * load.seconds
  if (acked >= events && took <= load.seconds * MAX_STRETCH + GRACE_SECONDS) return
  throw new Error(
    `the machine is too busy: ${acked} of ${events} events in ${took.toFixed(1)} s, not ${load.seconds} s`,
  )
}
