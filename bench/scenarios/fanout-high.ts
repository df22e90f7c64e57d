import { fanOut, FAN_OUT_COLUMNS } from '../fan-out.ts'
import type { Scenario, Size } from '../scenario.ts'

const work = (size: Size) => ({ readers: 500, rate: 2000, seconds: size.pick(4, 2), connections: 32 })

export const fanoutHigh: Scenario = {
  name: 'fanout-high',
  title: 'Fan-out at a high rate',
  describe: (size) =>
    `2,000 events/s of 100 B to 500 readers for ${work(size).seconds} s: 1,000,000 deliveries/s.`,
  columns: FAN_OUT_COLUMNS,
  run: (trial) => fanOut(trial, work(trial.size)),
}
