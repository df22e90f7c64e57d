import { startPostgresEngine } from '../engines/postgres.ts'
import type { Fleet } from '../fleet.ts'
import { tailraceOn } from './tailrace.ts'

export const postgres: Fleet = tailraceOn({
  name: 'postgres',
  needs: 'postgres',
  bare: 'postgres',
  title: 'Tailrace on PostgreSQL',
  stored: 'on disk',
  durability: 'fsync and synchronous_commit on: each event is on disk before it is acknowledged or seen',
  versionCommand: ['pg_config', '--version'],
  startEngine: startPostgresEngine,
})
