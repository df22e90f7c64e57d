export { openPostgresLog, type PostgresLogOptions } from './postgres-log.ts'
