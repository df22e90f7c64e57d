import { IDENTITY } from './identity.ts'
import { PUBLISH } from './publish.ts'
import { RETENTION } from './retention.ts'
import { STORE } from './store.ts'
import { TABLES } from './tables.ts'

/** Whoever may use the schema may publish, and nothing else. */
const RIGHTS = `
  DO $$ BEGIN
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM PUBLIC', current_schema());
  END $$;
  GRANT EXECUTE ON FUNCTION publish(text, text, text, text, boolean, boolean, text, text, text) TO PUBLIC;
  GRANT EXECUTE ON FUNCTION publish(text, jsonb, text, text, boolean, boolean, text, text, text) TO PUBLIC;
`

/**
 * Each entry migrates the schema from the version of its index to the next. An entry that was released is never edited:
 * a change is a new entry.
 */
export const MIGRATIONS: readonly string[] = [
  [TABLES, STORE, PUBLISH, RETENTION, IDENTITY, RIGHTS].join('\n'),
]
