import { parseArgs } from 'node:util'
import { testSeed } from '@tailrace/testkit'
import { toText } from './soak/report.ts'
import { soak } from './soak/soak.ts'

const USAGE = `npm run soak -- [options]

  --seconds N   duration (600)
  --json        print the report as JSON on stdout; progress always goes to stderr

Runs a real hub on SQLite with publishers, readers that disconnect and reconnect, slow readers, a network that
breaks connections, kill -9 and SIGSTOP. Exits with 1 if an event was lost, repeated or out of order, or if the
memory of the hub grew by more than a fifth. TAILRACE_SEED=… repeats the same faults.
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
  // The hub ends with this process only if the process exits by itself.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const progress = (line: string): void => void process.stderr.write(`${line}\n`)
  const report = await soak({ seconds, seed: testSeed(), progress })
  const text = values.json === true ? `${JSON.stringify(report)}\n` : toText(report)
  // Exits explicitly: leftovers of connections must not delay the verdict.
  process.stdout.write(text, () => process.exit(report.isGood ? 0 : 1))
}
