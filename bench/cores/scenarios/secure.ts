import { makeCertificate } from '@tailrace/testkit'
import { fanOutOf } from '../../fan-out.ts'
import { publish } from '../../load/publish.ts'
import { EVENT_DATA } from '../../measure.ts'
import type { Protocol } from '../../peer.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { cpuMicros } from '../../usage.ts'

const PUBLISHERS = 64
const work = (size: Size) => ({ readers: 500, rate: 200, seconds: size.pick(4, 1), connections: 16 })

function secure(protocol: Protocol, name: string, title: string): Scenario {
  return {
    name,
    title,
    describe: (size) =>
      `The work of “Latency at 100,000 deliveries/s” and of “Acknowledged publishes” with ${PUBLISHERS} publishers, in ${title}, for ${work(size).seconds} and ${size.pick(2, 1)} s. Each reader and each publisher has a connection of its own, with one stream or request at a time.`,
    columns: [
      { key: 'cpuMicros', title: 'CPU µs per delivery', digits: 2 },
      { key: 'arrived', title: 'arrived %', digits: 2 },
      { key: 'p50Ms', title: 'p50 ms', digits: 2 },
      { key: 'p99Ms', title: 'p99 ms', digits: 2 },
      { key: 'publishes', title: `publishes/s, ${PUBLISHERS} publishers`, digits: 0 },
      { key: 'publishMicros', title: 'CPU µs each', digits: 1 },
      { key: 'generatorCpu', title: 'generator CPU % of the deliveries', digits: 0 },
      { key: 'othersCpu', title: 'others’ CPU %', digits: 0 },
    ],
    maxRuns: 1,
    excludes: ({ protocols = [] }) => (protocols.includes(protocol) ? undefined : `not in ${title}`),
    run: (trial) => overTls(trial, protocol),
  }
}

export const overHttp1: Scenario = secure('tls', 'tls', 'HTTP/1.1 over TLS')
export const overHttp2: Scenario = secure('h2', 'http2', 'HTTP/2 over TLS')

async function overTls(trial: Trial, protocol: Protocol): Promise<Figures> {
  const { peer, place, size } = trial
  await using server = await peer.start({ ...place, certificate: makeCertificate(place.dir) })
  const delivered = await fanOutOf(server, trial, { ...work(size), protocol })
  const request = { ...peer.publish(place, 'ledger', EVENT_DATA), protocol }
  const load = { connections: PUBLISHERS, rate: 0 }
  await publish(request, { ...load, seconds: size.pick(1, 0.3) })
  // Handshakes are not part of the figure.
  const before = cpuMicros(server.pids())
  const published = await publish(request, { ...load, seconds: size.pick(2, 1) })
  if (published.errors > 0) throw new Error(`${published.errors} publishes were refused`)
  return {
    ...delivered,
    publishes: published.perSecond,
    publishMicros: (cpuMicros(server.pids()) - before) / published.acked,
  }
}
