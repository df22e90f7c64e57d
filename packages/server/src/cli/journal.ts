import { plainJournal } from '../observe/journal.ts'
import type { Journal } from '../observe/journal.ts'

/**
 * The journal of a command.
 *
 * @param from - which process of the command its lines are about, if there are several
 */
export async function journalFor({
  isJson,
  from,
}: {
  readonly isJson: boolean
  readonly from?: string
}): Promise<Journal> {
  if (!isJson) return plainJournal(from)
  // Loaded only when it is used, so that short commands need not wait for it.
  const { createJsonJournal } = await import('../observe/json-journal.ts')
  return createJsonJournal(from)
}
