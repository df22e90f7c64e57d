import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('../../../../examples/02-proxies/', import.meta.url)

/**
 * A file of `examples/02-proxies` as operators copy it, but for what cannot be the same where tests run: ports, paths,
 * and how long an idle stream lives. All that is to be changed must be there, each everywhere.
 */
export function deployed(file: string, changes: readonly (readonly [from: string, to: string])[]): string {
  let text = readFileSync(fileURLToPath(new URL(file, FOLDER)), 'utf8')
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`${file} has no "${from}"`)
    text = text.replaceAll(from, to)
  }
  return text
}
