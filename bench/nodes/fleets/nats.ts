import { startNatsEngine } from '../engines/nats.ts'
import type { Fleet } from '../fleet.ts'
import { tailraceOn } from './tailrace.ts'

export const nats: Fleet = tailraceOn({
  name: 'nats',
  needs: 'nats',
  bare: 'nats',
  title: 'Tailrace on NATS JetStream',
  stored: 'in the page cache',
  durability:
    'one server, file storage, synchronized every 2 minutes: survives the death of the process, not of the machine',
  versionCommand: ['nats-server', '--version'],
  startEngine: startNatsEngine,
  query: ({ dir }) => `?index=${dir}/index`,
})
