import { shown } from '../reach.ts'
import { table } from '../report.ts'
import { busyWarning, medianOf, type Results } from '../results.ts'

/** The measured half of the choice between engines. */
export function engineTable(results: Results): string {
  const rows = results.peers
    .filter(({ title, absent }) => title.startsWith('Tailrace') && absent === undefined)
    .map(({ name, title }) => {
      const at = (scenario: string, key: string, unit: string) => {
        const value = medianOf(results, scenario, name, key)
        return Number.isNaN(value) ? '–' : `${shown(value)}${unit}`
      }
      return [
        title.replace('Tailrace on ', ''),
        at('engine-publish', 'perSecond1', ''),
        at('engine-publish', 'perSecond64', ''),
        at('cross-node', 'p50Ms', ' ms'),
        at('cross-node', 'p99Ms', ' ms'),
        at('node-storm', 'seconds', ' s'),
        at('unit-costs', 'storeMicros', ' µs'),
        at('unit-costs', 'sendMicros', ' µs'),
        at('unit-costs', 'tailMicros', ' µs'),
      ]
    })
  const titles = [
    '',
    'publishes/s, 1 connection',
    'publishes/s, 64',
    'node to node, p50',
    'p99',
    '5,000 readers resume',
    'engine CPU, event stored',
    'engine CPU, event and node',
    'hub CPU, event tailed',
  ]
  const doubt = busyWarning(results)
  return `${doubt === undefined ? '' : `${doubt}\n\n`}${table(titles, rows)}`
}
