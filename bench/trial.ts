import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Compared, Settings } from './peer.ts'
import type { TrialResult } from './results.ts'
import type { Scenario, Size } from './scenario.ts'

/** Below the kernel's range for outgoing connections, which would occasionally take the port of a server. */
const FIRST_PORT = 20_000
/** A peer may use the ports after its own as well. */
const PORTS_PER_TRIAL = 10
const PORT_SLOTS = 1000

let trials = 0

/** Runs the scenario once, in a folder and on ports that no earlier trial used. Never rejects. */
export async function runTrial<P extends Compared>(
  scenario: Scenario<P>,
  peer: P,
  run: number,
  size: Size,
  settings: Settings,
): Promise<TrialResult> {
  const port = FIRST_PORT + (trials++ % PORT_SLOTS) * PORTS_PER_TRIAL
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-bench-'))
  const facts = { peer: peer.name, scenario: scenario.name, run }
  try {
    return { ...facts, figures: await scenario.run({ peer, place: { ...settings, dir, port }, size }) }
  } catch (error) {
    return { ...facts, error: (error as Error).message }
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
}
