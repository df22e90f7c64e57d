import { atLeast, atMost, type Reach } from '../reach.ts'
import { medianOf, type Results } from '../results.ts'
import { fleets } from './fleets/all.ts'

/** The targets of many nodes, compared with the medians. */
export function reachOfNodes(results: Results): Reach[] {
  return fleets
    .filter(({ resumes, isVariant }) => resumes && !isVariant)
    .flatMap(({ name, title }) => {
      const at = (scenario: string, key: string) => medianOf(results, scenario, name, key)
      const engine = title.replace('Tailrace on ', '')
      const perSecond = at('engine-publish', 'perSecond64')
      const half = (key: string) => perSecond / at('engine-publish', key)
      return [
        atMost(`${engine}: from node to node, p50`, 'under 2 ms', at('cross-node', 'p50Ms'), 2, 'ms'),
        atMost(`${engine}: from node to node, p99`, 'under 5 ms', at('cross-node', 'p99Ms'), 5, 'ms'),
        atLeast(
          `${engine}: durable publishes, 64 connections`,
          'half of bare writes',
          half('bare64'),
          0.5,
          '×',
        ),
        atMost(`${engine}: 5,000 readers resume`, 'under 5 s', at('node-storm', 'seconds'), 5, 's'),
      ]
    })
}
