import { readFileSync } from 'node:fs'
import { LogError } from '@tailrace/log'
import { programHelp, verbHelp } from './cli/help.ts'
import { ListenError } from './net/listen.ts'
import { unknownVariables } from './cli/unknown-variables.ts'
import { UsageError } from './cli/usage-error.ts'
import { jsonJournal } from './cli/serve.ts'
import { resolve } from './cli/verb.ts'
import { VERBS } from './cli/verbs.ts'
import { PLAIN_JOURNAL, textOf, withoutSecrets } from './observe/journal.ts'

/** The command line is invalid (`EX_USAGE` in `sysexits.h`). */
const EXIT_USAGE = 64

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

async function main([name, ...argv]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(programHelp(VERBS, version))
    return name === undefined ? EXIT_USAGE : 0
  }
  if (name === '--version') {
    process.stdout.write(`${version}\n`)
    return 0
  }
  const verb = VERBS.find((one) => one.name === name)
  if (verb === undefined) throw new UsageError(`Unknown command ${JSON.stringify(name)}`)
  const { values, operands, help } = resolve(verb.settings, { argv, env: process.env })
  if (help) {
    process.stdout.write(verbHelp(verb))
    return 0
  }
  const warnings = unknownVariables(VERBS, process.env)
  if (warnings.length > 0) {
    const journal = values['json-logs'] === true ? await jsonJournal() : PLAIN_JOURNAL
    for (const warning of warnings) journal.warn(warning)
  }
  return verb.run(values, operands)
}

/** An error of the operating system, such as a missing file. Its message names the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

// A bug. What Node prints about it by itself could contain the password of an engine.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${textOf(error)}\n`)
  process.exit(1)
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`tailrace: ${error.message}.\nTry: tailrace --help\n`)
    process.exitCode = EXIT_USAGE
  } else if (LogError.is(error) || error instanceof ListenError || isSystemError(error)) {
    process.stderr.write(`tailrace: ${withoutSecrets(error.message)}\n`)
    process.exitCode = 1
  } else {
    throw error
  }
}
