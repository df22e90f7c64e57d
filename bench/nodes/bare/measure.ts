import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EVENT_DATA } from '../../measure.ts'

export interface BareWrite {
  readonly connections: number
  /** Each has one write in flight. */
  readonly callers: number
  readonly seconds: number
}

/** Writes per second of the engine's own client, in its own process. */
export async function bareWrites(engine: string, url: string, work: BareWrite): Promise<number> {
  const program = join(import.meta.dirname, 'write.ts')
  const numbers = [work.connections, work.callers, work.seconds].map(String)
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    engine,
    url,
    ...numbers,
    EVENT_DATA,
  ])
  return (JSON.parse(stdout) as { perSecond: number }).perSecond
}
