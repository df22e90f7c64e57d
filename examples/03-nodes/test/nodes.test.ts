import { describe, expect, test } from 'vitest'
import {
  composeCommand,
  composeServices,
  ENGINE_NAMES,
  unitCommand,
} from '../../../packages/server/test/nodes/example.ts'

describe.each(ENGINE_NAMES)('the deployment over %s', (engine) => {
  test.each(['hub1', 'hub2', 'hub3'])('%s is the same in the compose file and in the unit', (name) => {
    const unit = unitCommand(name, engine, '/run/secrets')
    const composed = composeCommand(name, engine)
    expect({ ...composed, words: ['/usr/local/bin/tailrace', ...composed.words] }).toEqual(unit)
    expect(unit.env['TAILRACE_LOG']).toMatch(new RegExp(`^${engine}://`))
  })

  test('its compose file has the engine, three hubs and the load balancer', () => {
    expect(Object.keys(composeServices(engine)).toSorted()).toEqual(
      [engine, 'haproxy', 'hub1', 'hub2', 'hub3'].toSorted(),
    )
  })
})
