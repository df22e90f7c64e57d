import { CONFIG_VARIABLE, variableOf } from './verb.ts'
import type { Verb } from './verb.ts'

/**
 * Warns about variables that look like settings but are not. Otherwise a typo would silently leave the default
 * in place. They are not refused, because Kubernetes adds variables named after a service to every container
 * next to it.
 */
export function unknownVariables(
  verbs: readonly Verb[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const known = new Set(verbs.flatMap(({ settings }) => Object.keys(settings).map(variableOf)))
  known.add(CONFIG_VARIABLE)
  return Object.keys(env)
    .filter((name) => name.startsWith('TAILRACE_') && !known.has(name))
    .map((name) => `the variable ${name} is ignored: no option has that name`)
}
