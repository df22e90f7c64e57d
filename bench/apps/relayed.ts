import { type Place, post, type WireRequest } from '../peer.ts'
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
}

/** A request for an answer, to the app and to the API itself. */
export function ask(place: Place, { tokens, rate }: Asked): Record<'relayed' | 'direct', WireRequest> {
  const query = `tokens=${tokens}&rate=${rate}`
  return {
    relayed: post(place.port, `/answers?${query}`, ''),
    direct: post(upstreamOf(place).port, `/?${query}`, ''),
  }
}

/** How many relayed answers have failed. */
export async function failedAnswers({ port }: Place): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/failed`)
  return (await response.json()) as number
}
