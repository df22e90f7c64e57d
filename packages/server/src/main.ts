import { readFileSync } from 'node:fs'
import { bugOf, EXIT_USAGE, failureOf } from './cli/failure.ts'
import { programHelp, verbHelp } from './cli/help.ts'
import { journalFor } from './cli/journal.ts'
import { unknownVariables } from './cli/unknown-variables.ts'
import { UsageError } from './cli/usage-error.ts'
import { resolve } from './cli/verb.ts'
import { VERBS } from './cli/verbs.ts'

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
    const journal = await journalFor({ isJson: values['json-logs'] === true })
    for (const warning of warnings) journal.warn(warning)
  }
  return verb.run(values, operands)
}

process.on('uncaughtException', (error) => {
  const { text, exitCode } = bugOf(error)
  process.stderr.write(text)
  process.exit(exitCode)
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const failure = failureOf(error)
  if (failure === undefined) throw error
  process.stderr.write(failure.text)
  process.exitCode = failure.exitCode
}
