import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PAGE, withTables } from '../nodes/document.ts'
import { nodes } from '../nodes/suite.ts'
import { report } from '../report.ts'
import { fromJson, type Results } from '../results.ts'

const FILE = join(import.meta.dirname, '../nodes.json')
const size = { isQuick: false, pick: <T>(full: T) => full }

const readResults = (): Results => fromJson(readFileSync(FILE, 'utf8'))

test('the figures of the operating guide are those of the last run', () => {
  const page = readFileSync(PAGE, 'utf8')
  expect(withTables(page, readResults())).toBe(page)
})

test('a table that nothing writes is an error', () => {
  expect(() => withTables('<!-- figures: nothing -->\n<!-- end -->', readResults())).toThrow('nothing writes')
})

test('the report compares the model with the simulation, for every number of nodes', () => {
  const text = report(nodes, readResults(), size)
  for (const count of [1, 2, 4])
    expect(text).toMatch(new RegExp(`\\| ${count} \\| CPU of the engine, % of a core \\| [\\d.]+ \\|`))
})
