import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const FOLDER = new URL('../../../../examples/03-nodes/', import.meta.url)

export type EngineName = 'redis' | 'postgres' | 'nats' | 'kafka'
export const ENGINE_NAMES: readonly EngineName[] = ['redis', 'postgres', 'nats', 'kafka']

type Variables = Readonly<Record<string, string>>

/** A command, and the environment in which it runs. */
export interface Command {
  readonly words: readonly string[]
  readonly env: Variables
}

export interface Service {
  readonly command?: string
  readonly build?: string
  readonly image?: string
  readonly env_file?: readonly string[]
  readonly environment?: Variables
}

type Change = readonly [from: string, to: string]

/** A file of `examples/03-nodes`, but for what cannot be the same where tests run. All that is to be changed must be there. */
export function exampleFile(file: string, changes: readonly Change[] = []): string {
  let text = readFileSync(fileURLToPath(new URL(file, FOLDER)), 'utf8')
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** What systemd would run for `tailrace@NODE`, with the credentials in this folder. */
export function unitCommand(node: string, engine: EngineName, credentials: string): Command {
  const unit = exampleFile('systemd/tailrace@.service')
  const valuesOf = (name: string): string[] =>
    [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) =>
      value.replaceAll('%i', node).replaceAll('%d', credentials),
    )
  const files = valuesOf('EnvironmentFile').map((path) => path.slice('/etc/tailrace/'.length))
  const env = {
    ...environmentOf(files.map((file) => (file === 'engine.env' ? `${engine}.env` : file))),
    ...Object.fromEntries(valuesOf('Environment').map(assignmentOf)),
  } as Variables
  return { words: wordsOf(valuesOf('ExecStart')[0]), env }
}

/** What `docker compose -f compose.ENGINE.yaml up` would run for a service. */
export function composeCommand(name: string, engine: EngineName): Command {
  const { command, env_file: files = [], environment = {} } = composeServices(engine)[name] ?? {}
  return { words: wordsOf(command), env: { ...environmentOf(files), ...environment } }
}

/** The services of a compose file, with what they extend. */
export function composeServices(engine: EngineName): Readonly<Record<string, Service>> {
  return servicesOf(`compose.${engine}.yaml`)
}

function servicesOf(file: string): Readonly<Record<string, Service>> {
  const { services } = parse(exampleFile(file), { merge: true }) as {
    services: Record<string, Service & { extends?: { file: string; service: string } }>
  }
  const complete = Object.entries(services).map(([name, { extends: parent, ...own }]) => {
    const inherited = parent === undefined ? {} : servicesOf(parent.file)[parent.service]
    const files = [...(inherited?.env_file ?? []), ...(own.env_file ?? [])]
    return [name, { ...inherited, ...own, env_file: files }] as const
  })
  return Object.fromEntries(complete)
}

function environmentOf(files: readonly string[]): Variables {
  const lines = files.flatMap((file) => exampleFile(file).split('\n'))
  return Object.fromEntries(lines.filter((line) => line !== '' && !line.startsWith('#')).map(assignmentOf))
}

function assignmentOf(line: string): [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}

function wordsOf(command: string | undefined): string[] {
  if (command === undefined) throw new Error('the example has no command here')
  return command.split(' ')
}
