import { setTimeout as sleep } from 'node:timers/promises'
import { get, type Place, type WireRequest } from '../peer.ts'
import type { ServerProcess } from '../server-process.ts'
import { startProgram } from './peers.ts'

/** An API that answers token by token, on the port after that of the app. */
function upstreamOf(place: Place): Place {
  return { ...place, port: place.port + 1 }
}

/** An Express app that relays answers, and the API in front of which it stands. */
export interface Relayed extends AsyncDisposable {
  readonly app: ServerProcess
  readonly api: ServerProcess
}

export async function startRelay(place: Place): Promise<Relayed> {
  const upstream = upstreamOf(place)
  const api = await startProgram(upstream, 'upstream.ts')
  try {
    const log = `sqlite:${place.dir}/log.db`
    const app = await startProgram(place, 'express/relay.ts', log, `http://127.0.0.1:${upstream.port}`)
    return { app, api, [Symbol.asyncDispose]: async () => void (await Promise.all([app.stop(), api.stop()])) }
  } catch (error) {
    await api.stop()
    throw error
  }
}

export interface Asked {
  readonly tokens: number
  /** Tokens per second. */
  readonly rate: number
  /** Only the first token of each answer is measured. */
  readonly first?: boolean
}

/** A request for an answer, to the app and to the API itself. */
export function ask(
  place: Place,
  { tokens, rate, first = false }: Asked,
): Record<'relayed' | 'direct', WireRequest> {
  const query = `tokens=${tokens}&rate=${rate}${first ? '&first' : ''}`
  return {
    relayed: get(place.port, `/answers?${query}`),
    direct: get(upstreamOf(place).port, `/?${query}`),
  }
}

/** Waits until this many relayed answers have ended. @returns how many of them are complete */
export async function completeAnswers({ port }: Place, count: number, timeoutMs: number): Promise<number> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/ended`)
    const { complete, failed } = (await response.json()) as { complete: number; failed: number }
    if (complete + failed >= count || performance.now() > deadline) return complete
    await sleep(100)
  }
}
