import type { Results } from '../results.ts'

/** A machine for results that were not measured. */
export const MACHINE: Results['machine'] = {
  cpu: 'x',
  cores: 2,
  memoryGib: 24,
  kernel: 'k',
  node: '24',
  compiler: 'c',
  commit: 'c',
  date: 'd',
}
