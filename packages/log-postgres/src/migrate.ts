import { LogError } from '@tailrace/log'
import { mintEpoch, mintSecret } from '@tailrace/log/adapter'

import type { Address } from './address.ts'
import type { Connection, Row } from './connection.ts'
import { MIGRATIONS } from './migrations/index.ts'

/** The oldest version that has 64-bit transaction ids (`xid8`). */
const MIN_VERSION = 130_000

const LOOK = {
  name: 'look',
  text: `
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number,
      current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS is_standby, current_user AS role,
      has_database_privilege(current_database(), 'CREATE') AS may_create, current_database() AS database,
      n.oid IS NOT NULL AS has_schema, has_schema_privilege(n.oid, 'USAGE') AS may_use,
      has_schema_privilege(n.oid, 'CREATE') AS may_fill,
      (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid)
        + (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid) AS objects,
      has_schema_privilege('public', n.oid, 'CREATE') AS may_anybody_fill,
      (SELECT array_to_json(array_agg(attname)) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
       WHERE c.relnamespace = n.oid AND c.relname = 'log' AND attnum > 0) AS columns
    FROM (VALUES (1)) one LEFT JOIN pg_namespace n ON n.nspname = $1`,
}
const VERSION = { name: 'version', text: 'SELECT version FROM log' }

/**
 * Creates the schema of a log, or brings it up to date. Nodes that do so at the same time wait for each other.
 *
 * @param isKnown - the node has seen the log: it must not create another one in its place
 * @throws LogError `incompatible`, `read-only`, `unauthorized`, `foreign` or `replaced`; then nothing was changed
 */
export async function migrate(connection: Connection, address: Address, isKnown: boolean): Promise<void> {
  const look = await lookAt(connection, address)
  const version = look['columns'] === null ? 0 : await versionOf(connection, address, look)
  if (version === MIGRATIONS.length) return
  if (version > MIGRATIONS.length)
    throw new LogError(
      'incompatible',
      `The log in the schema ${address.schema} of ${address.name} has version ${version}, and this package knows ${MIGRATIONS.length}: upgrade @tailrace/log-postgres.`,
      { details: { version, known: MIGRATIONS.length } },
    )
  if (version === 0 && isKnown)
    throw new LogError('replaced', `The schema ${address.schema} of ${address.name} was removed.`)
  if (version === 0) assertEmpty(address, look)
  await connection.script(scriptOf(address))
}

async function lookAt(connection: Connection, { schema, name }: Address): Promise<Row> {
  const [look] = (await connection.run(LOOK, [schema])) as [Row]
  if (Number(look['number']) < MIN_VERSION)
    throw new LogError(
      'incompatible',
      `${name} is PostgreSQL ${String(look['version'])}: 13 is the oldest possible.`,
    )
  if (look['encoding'] !== 'UTF8')
    throw new LogError(
      'incompatible',
      `The database of ${name} has the encoding ${String(look['encoding'])}: create one with ENCODING 'UTF8'.`,
    )
  if (look['is_standby'] === true)
    throw new LogError('read-only', `${name} is a standby, which cannot be written: connect to its primary.`)
  // A function there could be called in place of one of the system, with the rights of the log.
  if (look['may_anybody_fill'] === true)
    throw new LogError(
      'incompatible',
      `Every role may create functions in the schema ${schema} of ${name}: use another schema, or REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC.`,
    )
  return look
}

async function versionOf(connection: Connection, { schema, name }: Address, look: Row): Promise<number> {
  const columns = look['columns'] as string[]
  if (look['may_use'] !== true)
    throw new LogError(
      'unauthorized',
      `The role ${String(look['role'])} may not use the schema ${schema} of ${name}: let it own the schema, or GRANT the role that does.`,
    )
  if (!['version', 'epoch', 'origin'].every((column) => columns.includes(column)))
    throw new LogError(
      'foreign',
      `The table ${schema}.log of ${name} is not from Tailrace: use another schema.`,
    )
  const [row] = await connection.run(VERSION)
  return Number(row?.['version'])
}

function assertEmpty({ schema, name }: Address, look: Row): void {
  const role = String(look['role'])
  if (look['has_schema'] !== true && look['may_create'] !== true)
    throw new LogError(
      'unauthorized',
      `The role ${role} may not create the schema ${schema} in ${name}: GRANT CREATE ON DATABASE ${String(look['database'])} TO ${role}, or CREATE SCHEMA ${schema} AUTHORIZATION ${role}.`,
    )
  if (look['has_schema'] !== true) return
  if (Number(look['objects']) > 0)
    throw new LogError(
      'foreign',
      `The schema ${schema} of ${name} contains tables or functions that are not from Tailrace: use another schema.`,
    )
  if (look['may_fill'] !== true)
    throw new LogError(
      'unauthorized',
      `The role ${role} may not create tables in the schema ${schema} of ${name}: GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}.`,
    )
}

/**
 * One script, and so one transaction: all or nothing. It looks at the version again once it has the lock, because another
 * node may have been first.
 */
function scriptOf({ schema }: Address): string {
  const steps = MIGRATIONS.map(
    (sql, i) => `
      IF reached = ${i} THEN
        EXECUTE $migration$${sql}$migration$;
        reached := ${i + 1};
      END IF;`,
  )
  return `
    BEGIN;
    SELECT pg_advisory_xact_lock(1953653605, hashtext('${schema}'));
    DO $do$
    DECLARE
      reached integer := 0;
      is_new boolean;
    BEGIN
      IF to_regnamespace('${schema}') IS NULL THEN CREATE SCHEMA "${schema}"; END IF;
      is_new := to_regclass('log') IS NULL;
      IF NOT is_new THEN SELECT version INTO STRICT reached FROM log; END IF;
      ${steps.join('')}
      IF is_new THEN
        INSERT INTO log (version, epoch, secret, origin, server_started)
          VALUES (reached, '${mintEpoch()}', '${mintSecret()}', origin(), 'epoch');
      ELSE
        UPDATE log SET version = reached WHERE version < reached;
      END IF;
    END $do$;
    COMMIT`
}
