import { isPassing, LogError, shownLog } from '@tailrace/log'
import { CopyError } from '../copy/copy-error.ts'
import type { Progress } from '../copy/copy-log.ts'
import { withoutSecrets } from '../observe/journal.ts'
import { notice } from './notice.ts'
import { readSecret } from './secret.ts'
import { optional, toggle } from './setting.ts'
import { UsageError, usageErrorOf } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

/** Minimum time between two reports: on a terminal, and otherwise. In milliseconds. */
const BAR_MS = 100
const LINE_MS = 5_000
const BAR_WIDTH = 24

export const log: Verb = verb({
  name: 'log',
  operands: 'copy <from> <to>',
  summary: 'Copy a log to another engine.',
  description: `FROM and TO are URLs as --log of tailrace serve accepts them. TO must be empty. If the command is killed, or a log cannot be
reached, run it again: it continues where it stopped, and stores nothing twice. If several hubs share FROM, run it once while they
serve, and once more after they have stopped, which takes only a moment; then start them with TO. The hub of a sqlite: log must
be stopped first. Events keep their order, topic, type, key,
data and trace, and get the time of the copy. Their ids change, so readers receive a gap, and then everything retained.
Revocations are copied. Tickets and idempotency keys are not.`,
  settings: {
    'from-password-file': optional('file', {
      doc: 'File that contains the password for the engine of FROM.',
    }),
    'to-password-file': optional('file', { doc: 'File that contains the password for the engine of TO.' }),
    json: toggle({ doc: 'Print progress, and the result, as lines of JSON on standard output.' }),
  },

  async run(values, [action, from, to, ...rest]) {
    if (action !== 'copy' || from === undefined || to === undefined || rest.length > 0)
      throw new UsageError('log requires two logs: tailrace log copy <from> <to>')
    if (from === 'memory:' || to === 'memory:')
      throw new UsageError('log copy cannot use memory:, whose events exist only in their hub')
    const [fromFile, toFile] = [values['from-password-file'], values['to-password-file']]
    const reporter = values.json ? reportJson : process.stderr.isTTY ? reportBar : reportLine
    try {
      // Loaded only now, so that all other commands start faster.
      const { copyBetween } = await import('../copy/copy-between.ts')
      const events = await copyBetween({
        from: { url: from, password: fromFile && readSecret('from-password-file', fromFile) },
        to: { url: to, password: toFile && readSecret('to-password-file', toFile) },
        report: reporter(),
        warn: notice,
      })
      if (values.json) print(JSON.stringify({ done: true, events }))
      else print(`Copied ${count(events)} to ${shownLog(to)}.`)
      return 0
    } catch (error) {
      if (error instanceof RangeError) throw usageErrorOf(error)
      if (error instanceof CopyError) notice(error.message)
      else if (LogError.is(error) && isPassing(error))
        notice(withoutSecrets(`${error.message} Run the command again to continue.`))
      else throw error
      return 1
    }
  },
})

function reportJson(): (progress: Progress) => void {
  return atMostEvery(BAR_MS, (progress) => print(JSON.stringify(progress)))
}

function reportLine(): (progress: Progress) => void {
  return atMostEvery(LINE_MS, (progress) => notice(`copied ${count(progress.events)}, ${percent(progress)}`))
}

function reportBar(): (progress: Progress) => void {
  return atMostEvery(BAR_MS, (progress) => {
    const done = Math.round(progress.share * BAR_WIDTH)
    const bar = '#'.repeat(done).padEnd(BAR_WIDTH, '.')
    process.stderr.write(
      `\r${bar} ${percent(progress)}, ${count(progress.events)}${progress.share === 1 ? '\n' : ''}`,
    )
  })
}

/** The last report, of a copy that is complete, is always made. */
function atMostEvery(ms: number, report: (progress: Progress) => void): (progress: Progress) => void {
  let reportedAt = -Infinity
  return (progress) => {
    const now = performance.now()
    if (now - reportedAt < ms && progress.share < 1) return
    reportedAt = now
    report(progress)
  }
}

function percent({ share }: Progress): string {
  return `${Math.floor(share * 100)} %`
}

function count(events: number): string {
  return `${events.toLocaleString('en')} ${events === 1 ? 'event' : 'events'}`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
