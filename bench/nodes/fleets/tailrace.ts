import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { needs, type RequirementName } from '@tailrace/testkit'
import { AbsentError, type Compared, type Place } from '../../peer.ts'
import { startHub, tailrace } from '../../peers/tailrace.ts'
import type { Engine } from '../engines/engine.ts'
import type { Fleet } from '../fleet.ts'

interface TailraceOn extends Omit<Compared, 'version'> {
  readonly needs: RequirementName
  readonly bare: string
  readonly isVariant?: true
  startEngine(): Promise<Engine>
  /** The command that prints the version of the engine. */
  readonly versionCommand: readonly [file: string, ...args: string[]]
  /** Added to the URL of the engine. */
  query?(place: Place): string
}

/** Hubs on the log of an engine. */
export function tailraceOn({ needs: need, versionCommand, query = () => '', ...facts }: TailraceOn): Fleet {
  return {
    ...facts,
    resumes: true,
    version: async () => `${await tailrace.version()}, ${await engineVersion(need, versionCommand)}`,
    startNode: (place, { url }) => startHub(place, `${url}${query(place)}`),
    subscribe: tailrace.subscribe,
    publish: tailrace.publish,
    publishedId: (answer) => (JSON.parse(answer) as { id: string }).id,
  }
}

async function engineVersion(
  name: RequirementName,
  [file, ...args]: TailraceOn['versionCommand'],
): Promise<string> {
  if (!needs(name)) throw new AbsentError(`${name} is not installed`)
  const { stdout } = await promisify(execFile)(file, args)
  return `${name} ${/\d+\.\d+[.\d]*/.exec(stdout)?.[0] ?? 'unknown'}`
}
