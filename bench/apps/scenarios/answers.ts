import { openReaders } from '../../load/readers.ts'
import { type Figures, READER_PROCESSES, type Scenario, type Size, type Trial } from '../../scenario.ts'
import { cpuMicros, machineCpuMicros } from '../../usage.ts'
import { ask, type Asked, failedAnswers, startRelay } from '../relayed.ts'
import { relaysOnly } from './relay.ts'

const ANSWERS = 500
const asked = (size: Size): Asked => ({ tokens: size.pick(600, 100), rate: 50 })
const GRACE_MS = 30_000

export const answers: Scenario = {
  name: 'answers',
  title: `${ANSWERS} answers at once`,
  describe: (size) =>
    `${ANSWERS} answers of ${asked(size).tokens} tokens, ${asked(size).rate}/s each, through \`relay()\` of one Express app, each with one reader. Upstream, app and readers share the machine.`,
  columns: [
    { key: 'complete', title: 'complete', digits: 0 },
    { key: 'perSecond', title: 'tokens/s', digits: 0 },
    { key: 'cpuPercent', title: 'CPU % of a core', digits: 0 },
    { key: 'cpuMicros', title: 'CPU µs per token', digits: 2 },
    { key: 'p50Ms', title: 'p50 ms', digits: 2 },
    { key: 'p99Ms', title: 'p99 ms', digits: 2 },
    { key: 'othersCpu', title: 'others’ CPU %', digits: 0 },
  ],
  excludes: relaysOnly,
  run: relayMany,
}

async function relayMany({ place, size }: Trial): Promise<Figures> {
  await using relayed = await startRelay(place)
  const { tokens, rate } = asked(size)
  const before = usage()
  await using readers = await openReaders(ask(place, asked(size)).relayed, {
    count: ANSWERS,
    marks: tokens,
    processes: READER_PROCESSES,
  })
  await readers.complete((tokens / rate) * 1000 + GRACE_MS)
  const report = await readers.report()
  const after = usage()
  const app = after.app - before.app
  const bench = app + after.api - before.api + report.cpuMs * 1000
  const wallMs = after.at - before.at
  return {
    complete: report.complete - (await failedAnswers(place)),
    perSecond: (report.deliveries / report.spanMs) * 1000,
    cpuPercent: app / wallMs / 10,
    cpuMicros: app / report.deliveries,
    p50Ms: report.latency.quantileMs(0.5),
    p99Ms: report.latency.quantileMs(0.99),
    othersCpu: Math.max(0, after.machine - before.machine - bench) / wallMs / 10,
  }

  function usage() {
    return {
      app: cpuMicros(relayed.app.pids()),
      api: cpuMicros(relayed.api.pids()),
      machine: machineCpuMicros(),
      at: performance.now(),
    }
  }
}
