import { Agent, request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as requestSecurely } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import type { Probe, Report } from './prober.ts'

// Sends ordinary requests to a hub without pause, and reports the slowest answers on request.

const [url = '', ca = ''] = process.argv.slice(2)
/** The pause between an answer and the next request. */
const PACE_MS = 50
/** The prober has its own address, so that it does not share the limits of other clients. */
const HEADERS = { 'X-Forwarded-For': '192.0.2.1' }

const isSecure = url.startsWith('https:')
const send = isSecure ? requestSecurely : request
const kept = isSecure ? new SecureAgent({ keepAlive: true, ca }) : new Agent({ keepAlive: true })
const fresh = isSecure ? new SecureAgent({ ca, maxCachedSessions: 0 }) : new Agent()

const since = new Map<Probe, number>()
let worst: Partial<Record<Probe, number>> = {}
let failures: string[] = []

function note(probe: Probe, startedAt: number): void {
  worst[probe] = Math.max(worst[probe] ?? 0, performance.now() - startedAt)
}

/** Resolves once the body contains `wanted`, or is complete. */
function ask(asked: ClientRequest, wanted?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.on('error', reject)
    asked.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('error', reject)
      response.on('data', (chunk: string) => {
        text += chunk
        if (wanted === undefined || !text.includes(wanted)) return
        resolve(response)
        asked.destroy()
      })
      response.on('end', () => resolve(response))
    })
  })
}

async function keepAsking(
  probe: Probe,
  expected: number,
  start: () => Promise<IncomingMessage>,
): Promise<never> {
  for (;;) {
    const startedAt = performance.now()
    since.set(probe, startedAt)
    try {
      const { statusCode } = await start()
      if (statusCode !== expected) failures.push(`${probe}: ${statusCode}`)
    } catch (error) {
      failures.push(`${probe}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
    }
    note(probe, startedAt)
    since.delete(probe)
    await delay(PACE_MS)
  }
}

process.on('disconnect', () => process.exit())
process.on('message', () => {
  // Requests that are still unanswered count with the time they have taken so far.
  for (const [probe, startedAt] of since) note(probe, startedAt)
  process.send!({ worst, failures: failures.slice(0, 3) } satisfies Report)
  worst = {}
  failures = []
})

const get = (path: string, agent: Agent | SecureAgent): ClientRequest =>
  send(url + path, { agent, headers: HEADERS }).end()

const PROBES: Readonly<Record<Probe, () => Promise<IncomingMessage>>> = {
  healthz: () => ask(get('/healthz', fresh)),
  readyz: () => ask(get('/readyz', kept)),
  publish: () =>
    ask(send(`${url}/topics/probe`, { method: 'POST', agent: kept, headers: HEADERS }).end('probe')),
  // Reads a page from the log before the stream is live.
  stream: () => ask(get('/topics/probed?from=start', fresh), 'tailrace.live'),
}
for (const [probe, start] of Object.entries(PROBES) as [Probe, () => Promise<IncomingMessage>][]) {
  void keepAsking(probe, probe === 'publish' ? 201 : 200, start)
}
