import type { HubOptions } from '@tailrace/hub'
import type { EventLog } from '@tailrace/log'
import { startServer } from 'tailrace'
import type { Journal, Running } from 'tailrace'
import { gateOf } from '../../src/cli/serve-gate.ts'
import { SERVE_SETTINGS } from '../../src/cli/serve-settings.ts'
import { resolve } from '../../src/cli/verb.ts'
import { KEYS } from '../auth/tokens.ts'

/** A hub in this process, on a log that the test disturbs or shares with others. */
export interface Node extends Running, AsyncDisposable {
  /** What the operator is told, in order: the reasons of interruptions, `resumed`, warnings and failures. */
  readonly told: readonly string[]
}

/** Starts a hub with the keys of the tests. It leaves the log open. */
export async function startNode(log: EventLog, hub: HubOptions = {}): Promise<Node> {
  const { values } = resolve(SERVE_SETTINGS, { argv: [], env: KEYS })
  const told: string[] = []
  const journal: Journal = {
    started() {},
    draining() {},
    stopped() {},
    interrupted: ({ message }) => told.push(message),
    resumed: () => told.push('resumed'),
    warn: (line) => told.push(line),
    failed: (error) => told.push(`failed: ${String(error)}`),
  }
  const running = await startServer({ log, port: 0, gate: (parts) => gateOf(values, parts), hub, journal })
  return { ...running, told, [Symbol.asyncDispose]: () => running.stop() }
}
