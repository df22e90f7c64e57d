import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import type { Profiler } from 'node:inspector'
import { isMainThread } from 'node:worker_threads'

/** Loaded into a server with `--import`: samples its main thread between two SIGUSR2, and writes the profile to a file. */

const INTERVAL_US = 100
const { TAILRACE_PROFILE: file } = process.env

if (isMainThread && file !== undefined) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
  process.once('SIGUSR2', () => {
    session.post('Profiler.start')
    process.once('SIGUSR2', () => session.post('Profiler.stop', (_, result) => save(file, result)))
  })
}

function save(path: string, { profile }: Profiler.StopReturnType): void {
  writeFileSync(path, JSON.stringify(profile))
}
