import type { ServerResponse } from 'node:http'

/** How often answers are checked. A limit is exceeded by at most this. */
const CHECK_INTERVAL_MS = 1_000
/** @defaultValue of `answerTimeoutMs` */
export const ANSWER_TIMEOUT_MS = 30_000

const streams = new WeakSet<ServerResponse>()

/** Excludes a response that is a stream: the hub bounds its memory, and cuts it if it stalls. */
export function exempt(response: ServerResponse): void {
  streams.add(response)
}

/** Cuts answers that a client does not read for too long. They are in memory until then. */
export interface StallWatch {
  add(response: ServerResponse): void
  stop(): void
}

export function watchStalls(timeoutMs: number = ANSWER_TIMEOUT_MS): StallWatch {
  /** When the client last accepted some of each answer. */
  const watched = new Map<ServerResponse, number>()
  const timer = setInterval(check, Math.min(CHECK_INTERVAL_MS, timeoutMs / 4)).unref()

  function check(): void {
    const now = performance.now()
    for (const [response, since] of watched) {
      if (response.writableLength === 0 || streams.has(response)) watched.set(response, now)
      else if (now - since >= timeoutMs) response.destroy()
    }
  }

  return {
    add(response) {
      watched.set(response, performance.now())
      response.on('drain', () => watched.set(response, performance.now()))
      response.on('close', () => watched.delete(response))
    },
    stop: () => clearInterval(timer),
  }
}
