import { parseArgs } from 'node:util'
import { testSeed } from '@tailrace/testkit'
import { toText } from './soak/report.ts'
import { soak } from './soak/soak.ts'

const USAGE = `npm run soak -- [options]

  --seconds N   how long (600)
  --json        the report as JSON on stdout; progress goes to stderr in any case

A real hub on SQLite with publishers, readers that come and go, slow readers, a network that cuts, kill -9 and
SIGSTOP. Exits with 1 when an event was lost, doubled or out of order, or the hub's memory grew by more than a
fifth. TAILRACE_SEED=… repeats what was done to it.
`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
const seconds = Number(values.seconds)
if (values.help === true || !(seconds > 0)) {
  process.stderr.write(USAGE)
  process.exitCode = values.help === true ? 0 : 64
} else {
  // The hub goes with this process only when it exits of itself.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const progress = (line: string): void => void process.stderr.write(`${line}\n`)
  const report = await soak({ seconds, seed: testSeed(), progress })
  const text = values.json === true ? `${JSON.stringify(report)}\n` : toText(report)
  // Not left to the event loop: what connections leave behind must not hold the verdict up.
  process.stdout.write(text, () => process.exit(report.isGood ? 0 : 1))
}
