import { shownLog } from '@tailrace/log'
import { alone } from '../crew.ts'
import { requireFree } from '../net/listen.ts'
import type { Journal } from '../observe/journal.ts'
import { workersFor } from '../workers/room.ts'
import { banner } from './banner.ts'
import { journalFor } from './journal.ts'
import { outliveOutput } from './output.ts'
import { SERVE_SETTINGS } from './serve-settings.ts'
import type { ServeValues } from './serve-settings.ts'
import type { Serving } from './serving.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

/** Time that the process has to exit by itself once everything is stored, answered and closed. */
const MAX_EXIT_MS = 2_000

export const serve: Verb = verb({
  name: 'serve',
  operands: '',
  summary: 'Run a hub.',
  description: `A retention rule is SELECTOR=BOUNDS. The first rule whose selector matches a topic applies. A bound is an age (7d),
a size of data (1GiB), a number of events (100000events), or forever. Size and number do not remove the newest event of each
key; these events, and the idempotency keys, may each use the same size again.`,
  settings: SERVE_SETTINGS,

  async run(values, operands) {
    if (operands.length > 0)
      throw new UsageError(`serve accepts only options, not ${JSON.stringify(operands[0])}`)
    if (values['head-timeout'] > values['request-timeout']) {
      throw new UsageError('--head-timeout must not exceed --request-timeout, which includes the head')
    }
    outliveOutput()
    // Only a hub loads the modules that a hub needs: a publish from a shell would otherwise wait for them each time.
    const { opennessOf, requireKeys } = await import('./serve-gate.ts')
    const journal = await journalFor({ isJson: values['json-logs'] })
    requireKeys(values)
    const workers = workersFor(values.workers)
    const serving = await (workers === 1
      ? startAlone(values, journal)
      : startWorkers(values, workers, journal))
    // Before the banner, because a reader of the banner may stop the hub at once.
    const signalled = untilSignalled()
    const { url, port, node } = serving
    const { host, drain } = values
    const log = shownLog(values.log)
    const retain = values.retain.map(({ text }) => text)
    const scheme = values['tls-cert'] === undefined ? 'http' : 'https'
    process.stdout.write(banner({ scheme, host, port, log, retain, openness: opennessOf(values) }))
    journal.started({ url, log, node })
    await signalled
    journal.draining({ overMs: drain })
    await serving.drain(drain)
    await serving.stop()
    journal.stopped()
    setTimeout(() => process.exit(), MAX_EXIT_MS).unref()
    return 0
  },
})

async function startWorkers(values: ServeValues, workers: number, journal: Journal): Promise<Serving> {
  const { supervise } = await import('../workers/supervisor.ts')
  return supervise({ values, workers, journal })
}

async function startAlone(values: ServeValues, journal: Journal): Promise<Serving> {
  const { startProcess } = await import('./serve-process.ts')
  const crew = alone()
  await requireFree(values)
  const running = await startProcess(values, journal, crew)
  return { ...running, node: running.hub.node }
}

/** Resolves on the first signal to stop. A second signal ends the process at once. */
async function untilSignalled(): Promise<void> {
  await new Promise<void>((resolve) => {
    let isStopping = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (isStopping) process.exit(1)
        isStopping = true
        resolve()
      })
    }
  })
}
