import { execFileSync, spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

const GIB = 1024 ** 3

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly kernel: string
  readonly node: string
  readonly compiler: string
  readonly commit: string
  readonly date: string
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / GIB),
    kernel: `Linux ${release()}`,
    node: process.versions.node,
    compiler: firstLine('gcc', ['--version']),
    commit: `${firstLine('git', ['rev-parse', '--short', 'HEAD'])}${uncommitted().length > 0 ? '-dirty' : ''}`,
    date: new Date().toISOString().slice(0, 10),
  }
}

/** Files that differ from the commit, except for what the bench itself writes. */
export function uncommitted(folder: string = import.meta.dirname): string[] {
  const files = ['bench/*.md', 'bench/*.json', 'bench/plots/*', 'docs/operating/scaling.md']
  const written = files.map((name) => `:(top,exclude,glob)${name}`)
  try {
    const args = ['status', '--porcelain', '--untracked-files=all', '--', ':/', ...written]
    const text = execFileSync('git', args, { encoding: 'utf8', cwd: folder })
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(3))
  } catch {
    // Not a checkout: there is no commit to differ from.
    return []
  }
}

/** Whether anything in these folders differs from a commit. */
export function changedSince(commit: string, folders: readonly string[]): boolean {
  const { status } = spawnSync('git', ['diff', '--quiet', commit, '--', ...folders], {
    cwd: import.meta.dirname,
  })
  return status !== 0
}

function firstLine(file: string, args: readonly string[]): string {
  try {
    return execFileSync(file, args, { encoding: 'utf8', cwd: import.meta.dirname }).split('\n')[0] ?? ''
  } catch {
    return 'unknown'
  }
}
