import { fanOut, FAN_OUT_COLUMNS } from '../fan-out.ts'
import type { Scenario, Size } from '../scenario.ts'

const work = (size: Size) => ({ readers: 500, rate: 200, seconds: size.pick(4, 2), connections: 16 })

export const latency: Scenario = {
  name: 'latency-100k',
  title: 'Latency at 100,000 deliveries/s',
  describe: (size) => `200 events/s of 100 B to 500 readers for ${work(size).seconds} s.`,
  columns: FAN_OUT_COLUMNS,
  run: (trial) => fanOut(trial, work(trial.size)),
}
