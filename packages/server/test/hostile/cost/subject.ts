import { setTimeout as delay } from 'node:timers/promises'
import type { HubProcess } from '@tailrace/testkit'
import { startHub } from '@tailrace/testkit'
import { KEYS, tokenOf } from '../../auth/tokens.ts'
import { meterOf } from './meter.ts'
import type { Meter } from './meter.ts'
import { startProber } from './prober.ts'
import type { Probe, Prober, Report } from './prober.ts'
import { send } from './request.ts'
import { nextClient } from './target.ts'
import type { Target } from './target.ts'

/** The JavaScript heap that a container of 512 MiB leaves room for. */
const HEAP = { NODE_OPTIONS: '--max-old-space-size=256' }
/** Short, so that the tests do not wait long for clients that never finish. */
export const HEAD_TIMEOUT_MS = 3_000
const SETTINGS = {
  '--head-timeout': `${HEAD_TIMEOUT_MS}ms`,
  '--request-timeout': '10s',
  '--stall-timeout': '3s',
  // Each client names its own address.
  '--trust-proxy': '127.0.0.0/8',
}
const OPEN = ['--anonymous-subscribe', '--anonymous-publish']

export interface SubjectOptions {
  readonly protocol: Target['protocol']
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** The certificate to trust. @defaultValue the hub does not use TLS */
  readonly ca?: string | undefined
  /** Fills its log before anything is measured. */
  readonly stock?: (hub: Target) => Promise<void>
}

/** A hub under test, with a prober that keeps sending it requests. */
export interface Subject extends AsyncDisposable {
  readonly meter: Meter
  readonly prober: Prober
  /** How long hub and prober have waited for a processor, in milliseconds. */
  delayMs(): number
  /** A new client on each call. */
  client(): Target
  /** Whether its process is gone. */
  isDead(): boolean
}

export async function startSubject(options: SubjectOptions): Promise<Subject> {
  const { protocol, args = [], env, ca, stock } = options
  const hub = await startHub({
    args: [...Object.entries(SETTINGS).flat(), ...OPEN, ...args],
    env: { ...KEYS, ...HEAP, ...env },
  })
  try {
    const token = await tokenOf({ publish: ['**'], subscribe: ['**'], admin: true })
    const client = (): Target => nextClient({ port: hub.port, ca, token, protocol })
    await send(client(), { method: 'POST', path: '/topics/probed', body: 'probed' })
    await stock?.(client())
    return subjectOf(hub, client, startProber(hub.url, ca ?? ''))
  } catch (error) {
    await hub[Symbol.asyncDispose]()
    throw error
  }
}

function subjectOf(hub: HubProcess, client: () => Target, prober: Prober): Subject {
  let isDead = false
  void hub.exited.then(() => (isDead = true))
  const [meter, proberMeter] = [meterOf(hub.pid), meterOf(prober.pid)]
  return {
    meter,
    prober,
    delayMs: () => meter.delayMs() + proberMeter.delayMs(),
    client,
    isDead: () => isDead,
    async [Symbol.asyncDispose]() {
      prober[Symbol.dispose]()
      await hub[Symbol.asyncDispose]()
    },
  }
}

/** The hub's speed with the prober as its only client, and the cost of publishes. */
export interface Idle {
  /** Processor time per unit of time. */
  readonly cpu: number
  /** The median, over windows of 100 ms, of the slowest answer to each probe, in milliseconds. */
  readonly worst: Readonly<Record<Probe, number>>
  /** Processor time of a small publish, and per byte of a large one, in milliseconds. */
  readonly publishMs: number
  readonly byteMs: number
}

const IDLE_WINDOWS = 10
const IDLE_WINDOW_MS = 100
const LARGE_BYTES = 512 * 1024

export async function observeIdle({ meter, prober, client }: Subject): Promise<Idle> {
  const publish = (size: number) => async () => {
    await send(client(), { method: 'POST', path: '/topics/publish', body: 'x'.repeat(size) })
  }
  const publishMs = await cheapest(3, () => cost(meter, 50, publish(1)))
  const byteMs = (await cheapest(3, () => cost(meter, 5, publish(LARGE_BYTES)))) / LARGE_BYTES
  await prober.report()
  const windows: Report[] = []
  const [before, startedAt] = [meter.cpuMs(), performance.now()]
  for (let i = 0; i < IDLE_WINDOWS; i += 1) {
    await delay(IDLE_WINDOW_MS)
    windows.push(await prober.report())
  }
  const cpu = (meter.cpuMs() - before) / (performance.now() - startedAt)
  const failure = windows.flatMap(({ failures }) => failures).at(0)
  if (failure !== undefined) throw new Error(`an idle hub did not answer: ${failure}`)
  const usual = (probe: Probe): number =>
    windows.map(({ worst }) => worst[probe] ?? 0).toSorted((a, b) => a - b)[IDLE_WINDOWS / 2]!
  const worst = {
    healthz: usual('healthz'),
    readyz: usual('readyz'),
    publish: usual('publish'),
    stream: usual('stream'),
  }
  return { cpu, worst, publishMs, byteMs }
}

async function cheapest(times: number, measure: () => Promise<number>): Promise<number> {
  let least = Infinity
  for (let i = 0; i < times; i += 1) least = Math.min(least, await measure())
  return least
}

/** The mean processor time of a run, in milliseconds. */
async function cost(meter: Meter, runs: number, run: () => Promise<void>): Promise<number> {
  const before = meter.cpuMs()
  for (let i = 0; i < runs; i += 1) await run()
  return (meter.cpuMs() - before) / runs
}
