import type { DatabaseSync } from 'node:sqlite'

/** How many nodes are remembered: those whose last record is oldest are forgotten, and write no more. */
const MAX_NODES = 1_000

/** Which records were applied. Runs within the transactions of the writer. */
export interface NodeTable {
  /** Whether a record was not applied before. It is, from now on. */
  isNew(node: string, number: number, position: number): boolean
  /** Whether a record, by its name, may be among those that were applied. */
  has(record: string): boolean
  save(): void
  /** After a rollback. */
  forget(): void
}

export function createNodeTable(db: DatabaseSync): NodeTable {
  const select = db.prepare('SELECT number FROM nodes WHERE node = ?')
  const save = db.prepare(
    `INSERT INTO nodes VALUES (?, ?, ?)
     ON CONFLICT (node) DO UPDATE SET number = excluded.number, position = excluded.position`,
  )
  const prune = db.prepare(
    `DELETE FROM nodes WHERE node IN (SELECT node FROM nodes ORDER BY position DESC LIMIT -1 OFFSET ${MAX_NODES})`,
  )
  const last = new Map<string, { number: number; position: number }>()
  const touched = new Set<string>()
  let hasNewNode = false
  return {
    isNew(node, number, position) {
      const known = last.get(node)?.number ?? select.get(node)?.['number']
      if (known !== undefined && number <= Number(known)) return false
      hasNewNode ||= known === undefined
      last.set(node, { number, position })
      touched.add(node)
      return true
    },
    has(record) {
      const [node, number] = record.split('.') as [string, string]
      const known = select.get(node)?.['number']
      return known !== undefined && Number(known) >= Number(number)
    },
    save() {
      for (const node of touched) {
        const { number, position } = last.get(node)!
        save.run(node, number, position)
      }
      touched.clear()
      if (!hasNewNode) return
      prune.run()
      last.clear()
      hasNewNode = false
    },
    forget() {
      last.clear()
      touched.clear()
    },
  }
}
