import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { HEARTBEAT_MS } from '../../constants.ts'

const shared = globalThis as { tailraceHub?: Promise<Hub> }

/** The hub of the application. Next bundles each route on its own, so what they share must be global. */
export function hubOf(): Promise<Hub> {
  const log = process.env['EVENTS'] ?? 'memory:'
  return (shared.tailraceHub ??= createHub({ log, heartbeatMs: HEARTBEAT_MS }))
}
