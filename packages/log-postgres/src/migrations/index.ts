import { IDENTITY } from './identity.ts'
import { PUBLISH } from './publish.ts'
import { RETENTION } from './retention.ts'
import { STORE } from './store.ts'
import { TABLES } from './tables.ts'

/**
 * Each entry migrates the schema from the version of its index to the next. An entry that was released is never edited:
 * a change is a new entry.
 */
export const MIGRATIONS: readonly string[] = [
  [
    TABLES,
    STORE,
    PUBLISH,
    RETENTION,
    IDENTITY,
    // Applications get what they are granted: the functions "publish", and nothing else.
    "DO $$ BEGIN EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM PUBLIC', current_schema()); END $$;",
  ].join('\n'),
]
