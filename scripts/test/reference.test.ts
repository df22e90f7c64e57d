import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unexplained } from '../reference/catalog.ts'
import { apiPages } from '../reference/page.ts'
import { ROOT } from './checkout.ts'

const FOLDER = join(ROOT, 'docs/reference/api')
const pages = apiPages()

test('the API reference is what `npm run docs` writes', () => {
  expect(readdirSync(FOLDER).toSorted()).toEqual([...pages.keys()].toSorted())
  for (const [name, text] of pages) expect(readFileSync(join(FOLDER, name), 'utf8')).toBe(text)
})

test('every public name of the documented packages has a doc comment', () => {
  expect(unexplained()).toEqual([])
})

test('the reference contains nothing that only its sources mean', () => {
  for (const text of pages.values()) {
    // Tags, private members, and bodies.
    expect(text).not.toMatch(
      /\{@|@(?:param|throws|returns|defaultValue)\b|^ *(?:private |#\w+[(:?;])|^ *return\b/m,
    )
  }
})
