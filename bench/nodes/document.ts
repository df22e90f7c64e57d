import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Results } from '../results.ts'
import { costTable, exampleTable, planTable, stopTable, validationTable } from './capacity-tables.ts'
import { engineTable } from './engine-table.ts'

/** The page whose tables are figures of this suite. */
export const PAGE: string = join(import.meta.dirname, '../../docs/operating/scaling.md')

const TABLES: Readonly<Record<string, (results: Results) => string>> = {
  engines: engineTable,
  costs: costTable,
  example: exampleTable,
  validation: validationTable,
  plans: planTable,
  stops: stopTable,
}

/** Writes the tables into the page. */
export function document(results: Results): void {
  writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8'), results))
}

/** A page with its tables, each between two comments, replaced by those of the results. */
export function withTables(page: string, results: Results): string {
  return page.replaceAll(
    /(<!-- figures: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      const write = TABLES[name]
      if (write === undefined) throw new Error(`the page has a table ${name}, which nothing writes`)
      return `${begin}\n${write(results)}\n${end}`
    },
  )
}
