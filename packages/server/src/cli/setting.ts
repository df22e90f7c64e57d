import { UsageError } from './usage-error.ts'

/** The type of the value of each kind of setting. */
interface KindValues {
  text: string
  file: string
  url: string
  token: string
  port: number
  /** Milliseconds. */
  duration: number
  bytes: number
  count: number
  workers: number | 'auto'
}

type Kind = keyof KindValues

/** How each kind parses its text, and its placeholder in help. */
const KINDS: { readonly [K in Kind]: { readonly placeholder: string; parse(text: string): KindValues[K] } } =
  {
    text: { placeholder: 'TEXT', parse: parseText },
    file: { placeholder: 'FILE', parse: parseText },
    url: { placeholder: 'URL', parse: parseUrl },
    token: { placeholder: 'TOKEN', parse: parseToken },
    port: { placeholder: 'N', parse: parsePort },
    duration: { placeholder: 'TIME', parse: parseDuration },
    bytes: { placeholder: 'SIZE', parse: parseBytes },
    count: { placeholder: 'N', parse: parseCount },
    workers: { placeholder: 'N', parse: parseWorkers },
  }

/** One setting, declared once. Its flag, variable, file key, default, help and reference are derived from this. */
export interface Setting<T> {
  readonly doc: string
  readonly placeholder: string
  /** The default as text; undefined if the setting is optional. */
  readonly fallback: string | undefined
  /** Has no value as a flag. */
  readonly isSwitch: boolean
  /** May be given more than once; each adds one value. */
  readonly isList: boolean
  /** Has no flag, since anyone who can list processes would see its value. */
  readonly isSecret: boolean
  /** One letter, for a flag that is typed often. */
  readonly short: string | undefined
  parse(texts: readonly string[]): T
}

interface Declaration {
  readonly doc: string
  readonly fallback?: string | undefined
  readonly placeholder?: string | undefined
  readonly short?: string | undefined
}

/** The minimum and maximum of a number, as text. */
export type Bounds = readonly [least: string, most: string]

/** A setting with one value and a default. */
export function setting<K extends Kind>(
  kind: K,
  { bounds, ...declaration }: Declaration & { readonly fallback: string; readonly bounds?: Bounds },
): Setting<KindValues[K]> {
  const { placeholder, parse } = KINDS[kind]
  if (bounds === undefined) return declare({ placeholder, ...declaration }, (texts) => parse(texts.at(-1)!))
  const [least, most] = bounds
  const doc = `${declaration.doc} From ${least} to ${most}.`
  return declare({ placeholder, ...declaration, doc }, (texts) => {
    const text = texts.at(-1)!
    const value = parse(text)
    if (value >= parse(least) && value <= parse(most)) return value
    throw new UsageError(`must be from ${least} to ${most}, not ${JSON.stringify(text)}`)
  })
}

/** A setting with one value or none. */
export function optional<K extends Kind>(
  kind: K,
  declaration: Declaration,
): Setting<KindValues[K] | undefined> {
  const { placeholder, parse } = KINDS[kind]
  return declare({ placeholder, ...declaration }, (texts) =>
    texts.length === 0 ? undefined : parse(texts.at(-1)!),
  )
}

/** A setting that may be given more than once. In a variable, its values are separated by spaces. */
export function list<T>(parse: (text: string) => T, declaration: Declaration): Setting<readonly T[]> {
  return { ...declare(declaration, (texts) => texts.map(parse)), isList: true }
}

/** A setting that is on or off. */
export function toggle(declaration: Declaration): Setting<boolean> {
  return { ...declare({ ...declaration, fallback: 'false' }, parseSwitch), isSwitch: true }
}

/** A setting whose value must not be visible: a variable or a file key, but not a flag. */
export function secret<K extends 'text' | 'token'>(
  kind: K,
  declaration: Pick<Declaration, 'doc'>,
): Setting<KindValues[K] | undefined> {
  return { ...optional(kind, declaration), isSecret: true }
}

function declare<T>(
  { doc, placeholder = 'TEXT', fallback, short }: Declaration,
  parse: (texts: readonly string[]) => T,
): Setting<T> {
  return { doc, placeholder, fallback, short, isSwitch: false, isList: false, isSecret: false, parse }
}

function parseSwitch(texts: readonly string[]): boolean {
  const text = texts.at(-1)
  if (text === 'true' || text === 'false') return text === 'true'
  throw new UsageError(`must be true or false, not ${JSON.stringify(text)}`)
}

/**
 * An empty value is probably a script's mistake: it was meant to be filled in, for example with a key or an
 * address.
 */
export function parseText(text: string): string {
  if (text !== '') return text
  throw new UsageError('cannot be empty')
}

/** The error does not quote the text, which may contain a password. */
function parseUrl(text: string): string {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (url === null) throw new UsageError('must be a URL such as http://127.0.0.1:4242')
  if (url.username === '' && url.password === '') return text
  throw new UsageError('must not contain a user name or password')
}

/**
 * RFC 6750, section 2.1. Other characters are not allowed in a token, and a line end is not even allowed in a
 * header.
 */
function parseToken(text: string): string {
  const token = text.trim()
  if (/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) return token
  throw new UsageError('contains a character that is not allowed in a token')
}

function parsePort(text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new UsageError(`must be a port from 0 to 65535, not ${JSON.stringify(text)}`)
}

function parseCount(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  throw new UsageError(`must be a whole number, not ${JSON.stringify(text)}`)
}

/** More would cost more than they deliver, on any machine. */
const MAX_WORKERS = 256

function parseWorkers(text: string): number | 'auto' {
  parseText(text)
  if (text === 'auto') return text
  if (/^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= MAX_WORKERS) return Number(text)
  throw new UsageError(
    `must be a number of processes from 1 to ${MAX_WORKERS}, or auto, not ${JSON.stringify(text)}`,
  )
}

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 }

/** Milliseconds from a text such as `500ms`, `15s`, `10m`, `24h` or `7d`. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  if (unit !== undefined) return Number(number) * MILLISECONDS[unit]!
  throw new UsageError(`must be a time such as 500ms, 15s, 10m, 24h or 7d, not ${JSON.stringify(text)}`)
}

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** Bytes from a text such as `64KiB`, `1MiB` or `10GiB`. */
export function parseBytes(text: string): number {
  const [, number, unit] = /^([0-9]{1,9})(B|KiB|MiB|GiB|TiB)$/.exec(text) ?? []
  if (unit !== undefined) return Number(number) * BYTES[unit]!
  throw new UsageError(`must be a size such as 512B, 64KiB, 1MiB or 10GiB, not ${JSON.stringify(text)}`)
}
