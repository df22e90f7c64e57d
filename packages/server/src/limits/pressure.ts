import { monitorEventLoopDelay } from 'node:perf_hooks'
import { HttpError } from '@tailrace/http'
import type { Admission } from '@tailrace/http'
import { LocalLedger, takeFrom } from './ledger.ts'
import type { Claim, Ledger } from './ledger.ts'

/** How often the pressure is measured. */
const LOOK_MS = 1_000
const RESOLUTION_MS = 20
/** The event loop is considered late when the median of its iterations reaches this, */
const LATE_MS = 200
/** and on time again when the median falls to this. */
const ON_TIME_MS = 100
/** How long a refused reader stays away, on average. It grows with the pressure. */
const LEAST_WAIT_S = 5
const MOST_WAIT_S = 60
/** Readers that may be refused per second before they are asked to stay away for longer. */
const CALM_RATE = 100

/** Keeps new streams from using what open streams, publishers and probes need. */
export interface Pressure {
  /**
   * Counts a stream until the returned function is called.
   *
   * @throws HttpError `overloaded`, with a `Retry-After` that grows with the pressure
   */
  admit(): Admission
  /** Median duration of an event loop iteration over the last second, in milliseconds. */
  readonly turnMs: number
  stop(): void
}

/**
 * @param maxStreams - for all processes of the hub together
 * @param own - the bound of this process, if it is another one
 */
export function createPressure(
  maxStreams: number,
  ledger: Ledger = new LocalLedger(),
  own?: Claim,
): Pressure {
  const claims = [{ key: 'streams', max: maxStreams }, ...(own === undefined ? [] : [own])]

  const turns = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  turns.enable()
  const timer = setInterval(look, LOOK_MS).unref()
  let turnMs = 0
  let isLate = false
  /** Readers that were refused, since the last measurement and per second on average. */
  let turnedAway = 0
  let rate = 0

  function look(): void {
    turnMs = Math.max(0, turns.percentile(50) / 1e6 - RESOLUTION_MS)
    turns.reset()
    isLate = turnMs >= (isLate ? ON_TIME_MS : LATE_MS)
    rate = (rate + turnedAway) / 2
    turnedAway = 0
  }

  function overloaded(message: string): HttpError {
    turnedAway += 1
    const pressure = Math.max(1, turnMs / LATE_MS, rate / CALM_RATE)
    const seconds = Math.round(Math.min(MOST_WAIT_S, LEAST_WAIT_S * pressure))
    return new HttpError('overloaded', message, {
      headers: { 'Retry-After': String(seconds), Connection: 'close' },
    })
  }

  return {
    admit() {
      if (isLate) throw overloaded('The hub is overloaded: try again later, or give it more CPU.')
      return takeFrom(ledger, claims, ({ max }) =>
        overloaded(
          `All ${max} streams that --max-connections leaves room for are open: try again later, or raise it.`,
        ),
      )
    },
    get turnMs() {
      return turnMs
    },
    stop() {
      clearInterval(timer)
      turns.disable()
    },
  }
}
