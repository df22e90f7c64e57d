import { fanOut, FAN_OUT_COLUMNS } from '../fan-out.ts'
import type { Scenario, Size } from '../scenario.ts'

const work = (size: Size) => ({ readers: 2000, rate: 40, seconds: size.pick(4, 2), connections: 8 })

export const fanoutLow: Scenario = {
  name: 'fanout-low',
  title: 'Fan-out at a low rate',
  describe: (size) => `40 events/s of 100 B to 2,000 readers for ${work(size).seconds} s: nothing to batch.`,
  columns: FAN_OUT_COLUMNS,
  run: (trial) => fanOut(trial, work(trial.size)),
}
