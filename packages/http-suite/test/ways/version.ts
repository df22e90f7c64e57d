import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** The versions of installed packages, by their names. */
export function versionOf(...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const file = findPackageJSON(name, import.meta.url)
      return [name, (JSON.parse(readFileSync(file!, 'utf8')) as { version: string }).version]
    }),
  )
}

/** These, and the version of Node. */
export function onNode(...names: string[]): Record<string, string> {
  return { node: process.versions.node, ...versionOf(...names) }
}
