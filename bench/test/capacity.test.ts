import { describe, expect, test } from 'vitest'
import { type Limits, plan, predict, type UnitCosts } from '../nodes/capacity.ts'

const costs: UnitCosts = {
  hubMib: 100,
  readerKib: 2,
  socketKib: 2,
  deliveryMicros: 10,
  tailMicros: 20,
  publishMicros: 50,
  storeMicros: 40,
  sendMicros: 5,
  tailBytes: 250,
  deliveryBytes: 250,
}

const limits: Limits = {
  nodeCpu: 0.6,
  nodeMemoryMib: 4096,
  nodeMbit: 1000,
  nodeReaders: 100_000,
  engineCpu: 0.6,
  engineMbit: 5000,
}

describe('the prediction', () => {
  test('divides readers and publishes among the nodes, and gives each of them the whole tail', () => {
    const load = { readers: 8000, published: 1000, received: 1 }
    const [one, four] = [predict(load, 1, costs), predict(load, 4, costs)]
    expect(one.node.cpu).toBeCloseTo(0.08 + 0.02 + 0.05)
    expect(four.node.cpu).toBeCloseTo(0.02 + 0.02 + 0.0125)
    expect(one.node.memoryMib).toBeCloseTo(100 + 31.25)
    expect(four.node.memoryMib).toBeCloseTo(100 + 31.25 / 4)
    expect(one.node.egressMbit).toBeCloseTo(16)
  })

  test('counts heartbeats of readers that receive nothing', () => {
    const { node } = predict({ readers: 150_000, published: 0, received: 0 }, 1, costs)
    expect(node.cpu).toBeCloseTo(0.1)
  })

  test('makes the engine send everything to each node', () => {
    const load = { readers: 8000, published: 1000, received: 1 }
    expect(predict(load, 1, costs).engine.cpu).toBeCloseTo(0.045)
    expect(predict(load, 4, costs).engine.cpu).toBeCloseTo(0.06)
    expect(predict(load, 4, costs).engine.egressMbit).toBeCloseTo(8)
  })
})

describe('the plan', () => {
  test.each([
    ['nodeReaders', { readers: 250_000, published: 10, received: 0.001 }, { logs: 1, nodes: 3 }],
    ['nodeCpu', { readers: 100_000, published: 10, received: 1 }, { logs: 1, nodes: 2 }],
  ] as const)('uses as few nodes as possible: %s', (bound, load, expected) => {
    expect(plan(load, costs, limits)).toMatchObject({ ...expected, bound })
  })

  test('bounds the memory and the network of a node', () => {
    const load = { readers: 90_000, published: 10, received: 0.1 }
    expect(plan(load, costs, { ...limits, nodeMemoryMib: 200 })).toMatchObject({
      nodes: 4,
      bound: 'nodeMemoryMib',
    })
    expect(plan(load, costs, { ...limits, nodeMbit: 5 })).toMatchObject({ nodes: 4, bound: 'nodeMbit' })
  })

  test('needs more logs when the tail alone is too much for a node, however many there are', () => {
    const made = plan({ readers: 1000, published: 40_000, received: 40 }, costs, limits)
    expect(made.logs).toBeGreaterThan(1)
    expect(made.prediction.node.cpu).toBeLessThanOrEqual(limits.nodeCpu)
  })

  test('needs more logs when the engine cannot send everything to that many nodes', () => {
    const load = { readers: 10_000_000, published: 2000, received: 0.001 }
    const made = plan(load, costs, limits)
    expect(made.logs).toBe(2)
    expect(made.prediction.engine.cpu).toBeLessThanOrEqual(limits.engineCpu)
    expect(predict(load, made.logs * made.nodes, costs).engine.cpu).toBeGreaterThan(limits.engineCpu)
  })

  test('names a load for which no number of logs is enough', () => {
    expect(() => plan({ readers: 1, published: 1, received: 1 }, { ...costs, hubMib: 8000 }, limits)).toThrow(
      RangeError,
    )
  })
})
