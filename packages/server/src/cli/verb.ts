import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parse as parseToml, TomlError } from 'smol-toml'
import { optional } from './setting.ts'
import type { Setting } from './setting.ts'
import { UsageError } from './usage-error.ts'

export type Settings = Readonly<Record<string, Setting<unknown>>>

/** The values of some settings. */
export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never
}

/** A command: its name, its settings, and the function that runs it. */
export interface Verb<S extends Settings = Settings> {
  readonly name: string
  /** The operands after the name: `<topic> [data]`. */
  readonly operands: string
  readonly summary: string
  /** Further help, below the summary. */
  readonly description: string
  readonly settings: S
  /** @returns the exit code */
  run(values: Values<S>, operands: readonly string[]): Promise<number>
}

/** Preserves the types of the settings of a verb. */
export function verb<const S extends Settings>(declaration: Verb<S>): Verb {
  return declaration
}

/** Names a file in which every setting may be written. */
export const CONFIG: Setting<string | undefined> = optional('file', {
  doc: 'TOML file whose keys are the names of the flags, without the leading dashes.',
})

/** The environment variable of a flag. */
export function variableOf(flag: string): string {
  return `TAILRACE_${flag.replaceAll('-', '_').toUpperCase()}`
}

/** The variable that names the file. It belongs to no verb. */
export const CONFIG_VARIABLE: string = variableOf('config')

export interface Sources {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Determines the value of every setting. A flag takes precedence over a variable, a variable over the file, and
 * the file over the default.
 *
 * @throws UsageError that names the setting, where it was set, and the rule
 */
export function resolve<S extends Settings>(
  settings: S,
  { argv, env }: Sources,
): { values: Values<S>; operands: string[]; help: boolean } {
  const { flags, operands } = parseFlags(settings, argv)
  if (flags.has('help')) return { values: {} as Values<S>, operands, help: true }
  const variable = fromVariable(variableOf('config'), CONFIG, env)
  const file = readConfig((flags.get('config') ?? variable)?.at(-1), settings)
  const values = Object.entries(settings).map(([name, one]) => {
    const places: [string, readonly string[] | undefined][] = [
      [`--${name}`, flags.get(name)],
      [variableOf(name), fromVariable(variableOf(name), one, env)],
      [`${name} in the config file`, file.get(name)],
      [`the default of ${name}`, one.fallback === undefined ? [] : [one.fallback]],
    ]
    const [place, texts] = places.find(([, given]) => given !== undefined)!
    try {
      return [name, one.parse(texts!)]
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${place} ${error.message}`) : error
    }
  })
  return { values: Object.fromEntries(values) as Values<S>, operands, help: false }
}

/** An empty variable was probably meant to be filled in. Ignoring it could start a hub without its keys. */
function fromVariable(
  name: string,
  one: Setting<unknown>,
  env: Sources['env'],
): readonly string[] | undefined {
  const text = env[name]
  if (text === undefined) return undefined
  if (text.trim() === '') throw new UsageError(`${name} is empty: give it a value, or unset it`)
  return one.isList ? text.split(/\s+/).filter((part) => part !== '') : [text]
}

function parseFlags(
  settings: Settings,
  argv: readonly string[],
): { flags: Map<string, readonly string[]>; operands: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; multiple: true; short?: string }> = {
    help: { type: 'boolean', multiple: true, short: 'h' },
    config: { type: 'string', multiple: true },
  }
  for (const [name, { isSwitch, isSecret, short }] of Object.entries(settings)) {
    if (isSecret) continue
    const type = isSwitch ? 'boolean' : 'string'
    options[name] = { type, multiple: true, ...(short === undefined ? {} : { short }) }
  }
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const flags = Object.entries(values).map(
      ([name, given]) => [name, (given as (string | boolean)[]).map(String)] as const,
    )
    return { flags: new Map(flags), operands: positionals }
  } catch (error) {
    // parseArgs appends advice on operands that begin with a dash after the first sentence.
    throw new UsageError(error instanceof Error ? error.message.split('. ', 1)[0]! : String(error))
  }
}

function readConfig(path: string | undefined, settings: Settings): Map<string, readonly string[]> {
  if (path === undefined) return new Map()
  let table: Record<string, unknown>
  try {
    table = parseToml(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`The config file ${path} cannot be read: ${flawOf(error)}`)
  }
  const entries = Object.entries(table).map(([name, value]) => {
    if (!Object.hasOwn(settings, name))
      throw new UsageError(`The config file ${path} has an unknown key ${name}`)
    if (Array.isArray(value) && !settings[name]!.isList)
      throw new UsageError(`The config file ${path} has a list for ${name}, which accepts only one value`)
    const values: unknown[] = Array.isArray(value) ? value : [value]
    for (const one of values) {
      if (['string', 'number', 'boolean'].includes(typeof one)) continue
      throw new UsageError(
        `The config file ${path} has a value for ${name} that is not a string, number, boolean or list`,
      )
    }
    return [name, values.map(String)] as const
  })
  return new Map(entries)
}

/** Without the source lines that the parser quotes in its message: they may contain a secret. */
function flawOf(error: unknown): string {
  if (!(error instanceof TomlError)) return error instanceof Error ? error.message : String(error)
  return `${error.message.split('\n', 1)[0]}, at line ${error.line}, column ${error.column}`
}
