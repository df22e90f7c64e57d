import { Agent, request } from 'node:http'
import type { HubProcess, StreamReader } from '@tailrace/testkit'
import { openStream } from '@tailrace/testkit'
import { expect } from 'vitest'
import { bearer, tokenOf } from '../auth/tokens.ts'

/** What somebody does to a hub, and what they must get for it. */
export interface Attack {
  readonly name: string
  /** What the table says of the answer. */
  readonly answer: string | RegExp
  /** @returns what came of it */
  run(hub: HubProcess): Promise<string>
}

/** The hub is ready, and a publish comes to a reader, each on a connection of its own. */
export async function expectAlive(hub: HubProcess): Promise<void> {
  const headers = bearer(
    await tokenOf({ publish: ['alive'], subscribe: ['alive'] }, { sub: crypto.randomUUID() }),
  )
  expect(await statusOf(`${hub.url}/readyz`)).toBe(200)
  const stream: StreamReader = await openStream(`${hub.url}/topics/alive`, { headers })
  await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  const data = crypto.randomUUID()
  expect(await statusOf(`${hub.url}/topics/alive`, { method: 'POST', headers, body: data })).toBe(201)
  await stream.waitFor((frames) => frames.some((frame) => frame.data === data))
  stream.close()
}

/** Not `fetch`, which has kept connections that an attack may have cost it. */
function statusOf(url: string, { method = 'GET', headers = {}, body = '' } = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false })
    request(url, { method, headers, agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!))
    })
      .on('error', reject)
      .end(body)
  })
}
