import { openStream } from '@tailrace/testkit'
import type { StreamReader } from '@tailrace/testkit'
import { ask } from './request.ts'

/** A stream, as a hub with several workers lists it. */
export interface Listed {
  readonly id: string
  readonly worker: number
  readonly topics: readonly string[]
  readonly subject?: string
}

export interface Listing {
  readonly total: number
  readonly connections: readonly Listed[]
  readonly unanswered?: readonly number[]
}

export async function connectionsOf(url: string, headers: Record<string, string> = {}): Promise<Listing> {
  return JSON.parse((await ask(`${url}/connections?limit=1000`, { headers })).text) as Listing
}

/** Opens streams of a topic until each of so many workers serves one of them. */
export async function spread(
  url: string,
  topic: string,
  { workers = 2, headers = {} }: { workers?: number; headers?: Record<string, string> } = {},
): Promise<StreamReader[]> {
  const streams: StreamReader[] = []
  for (;;) {
    const stream = await openStream(`${url}/topics/${topic}`, { headers })
    await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
    streams.push(stream)
    const { connections } = await connectionsOf(url, headers)
    const serving = new Set(
      connections.filter(({ topics }) => topics[0] === topic).map(({ worker }) => worker),
    )
    if (serving.size === workers) return streams
  }
}
