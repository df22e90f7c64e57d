import { inspect } from 'node:util'

/** Messages for the operator, on standard error. */
export interface Journal {
  started(facts: { readonly url: string; readonly log: string; readonly node: string }): void
  draining(facts: { readonly overMs: number }): void
  stopped(): void
  /** The log cannot be reached, for this reason. */
  interrupted(reason: Error): void
  /** The log can be reached again. */
  resumed(): void
  /** Something that the operator may want to change. */
  warn(line: string): void
  /** A failure that is not reported to any client, or not completely. */
  failed(error: unknown): void
}

/**
 * Lines for people. The banner has already said that the hub has started.
 *
 * @param from - which process the lines are about, if there are several
 */
export function plainJournal(from?: string): Journal {
  const prefix = from === undefined ? '' : `${from}: `

  function say(line: string): void {
    process.stderr.write(`tailrace: ${prefix}${withoutSecrets(line)}\n`)
  }

  return {
    started: () => undefined,
    draining: ({ overMs }) => say(`draining: ending all streams within ${overMs} ms`),
    stopped: () => say('stopped'),
    interrupted: ({ message }) => say(`the log is interrupted: ${message}`),
    resumed: () => say('the log has resumed'),
    warn: say,
    failed: (error) => void process.stderr.write(`${prefix}${textOf(error)}\n`),
  }
}

export const PLAIN_JOURNAL: Journal = plainJournal()

/** The text of an error in the journal. */
export function textOf(error: unknown): string {
  return withoutSecrets(typeof error === 'string' ? error : inspect(error))
}

/** Patterns of secrets in text from elsewhere, and what replaces them. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // The credentials of a log's engine, which may contain characters that an address should not.
  [/\b((?:rediss?|postgres|postgresql|nats|kafka)(?:\+[a-z]+)?:\/*)[^\s'"`]+@/gi, '$1…@'],
  // The query of an address or path may contain a ticket, and should not be logged anyway.
  [/(\/[^\s?'"`]*)\?[^\s'"`]+/g, '$1?…'],
  // The credentials of any other address.
  [/\b([a-z][a-z\d+.-]{0,20}:\/\/)[^\s/@'"`]+@/gi, '$1…@'],
  // In the text of an object.
  [/\b(password['"]?\s*[:=]\s*['"]?)[^\s'"`,]+/gi, '$1…'],
  [/\b(ticket=)[^\s'"`&]+/g, '$1…'],
  [/\b(Bearer\s+)[^\s'"`]+/gi, '$1…'],
  // The value of a cookie header extends to the end of its line.
  [/\b((?:set-)?cookie['"]?\s*[:=]\s*).+/gi, '$1…'],
  // Signed and encrypted tokens have three or five parts, of which the first is a JSON object in base64url.
  [/\beyJ[\w-]+(?:\.[\w-]*){2,4}/g, '…'],
]

/** Removes everything that grants rights. Nothing here puts such text into the journal, but errors of libraries might. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((rest, [pattern, stand]) => rest.replace(pattern, stand), text)
}
