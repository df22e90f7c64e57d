import { inspect } from 'node:util'

/** What the hub tells whoever runs it, on stderr. */
export interface Journal {
  started(facts: { readonly url: string; readonly log: string }): void
  draining(facts: { readonly overMs: number }): void
  stopped(): void
  /** The log cannot be reached, for this reason. */
  interrupted(reason: Error): void
  /** The log can be reached again. */
  resumed(): void
  /** Something that whoever runs it may want to change. */
  warn(line: string): void
  /** Something failed that no client is told of, or not in full. */
  failed(error: unknown): void
}

/** Lines for people. That it has started, the banner has said. */
export const PLAIN_JOURNAL: Journal = {
  started: () => undefined,
  draining: ({ overMs }) => say(`draining: streams end within ${overMs} ms`),
  stopped: () => say('stopped'),
  interrupted: ({ message }) => say(`the log is interrupted: ${message}`),
  resumed: () => say('the log has resumed'),
  warn: say,
  failed: (error) => void process.stderr.write(`${textOf(error)}\n`),
}

function say(line: string): void {
  process.stderr.write(`tailrace: ${withoutSecrets(line)}\n`)
}

/** An error as it is written down. */
export function textOf(error: unknown): string {
  return withoutSecrets(typeof error === 'string' ? error : inspect(error))
}

/** What stands for a secret in text that somebody else wrote, and what of it may stay. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // The query of an address or path: it may have a ticket, and is nobody's business otherwise.
  [/(\/[^\s?'"`]*)\?[^\s'"`]+/g, '$1?…'],
  // The credentials of an address, such as that of a log's engine.
  [/\b([a-z][a-z\d+.-]{0,20}:\/\/)[^\s/@'"`]+@/gi, '$1…@'],
  [/\b(ticket=)[^\s'"`&]+/g, '$1…'],
  [/\b(Bearer\s+)[^\s'"`]+/gi, '$1…'],
  // What a cookie header says ends with its line.
  [/\b((?:set-)?cookie['"]?\s*[:=]\s*).+/gi, '$1…'],
  // Signed and encrypted tokens: three parts or five, of which the first is a JSON object in base64url.
  [/\beyJ[\w-]+(?:\.[\w-]*){2,4}/g, '…'],
]

/** Nothing that gives rights may get into a journal. Nothing here puts it there; errors of others might. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((rest, [pattern, stand]) => rest.replace(pattern, stand), text)
}
