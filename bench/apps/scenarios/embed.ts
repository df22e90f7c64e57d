import { FAN_OUT_COLUMNS, type FanOut, fanOut } from '../../fan-out.ts'
import { markedData } from '../../load/mark.ts'
import type { Scenario, Size } from '../../scenario.ts'

const SESSIONS = 2000
const RATE = 20

const work = (size: Size, bytes: number): FanOut => ({
  readers: SESSIONS,
  rate: RATE,
  seconds: size.pick(5, 2),
  connections: 8,
  data: markedData(bytes),
})

function embedding(name: string, shown: string, bytes: number): Scenario {
  return {
    name,
    title: `One event of ${shown} to ${SESSIONS.toLocaleString('en')} sessions`,
    describe: (size) =>
      `${RATE} events/s, each to all sessions of an Express app, for ${work(size, bytes).seconds} s. An event is an object with a string of ${shown}.`,
    columns: FAN_OUT_COLUMNS,
    run: (trial) => fanOut(trial, work(trial.size, bytes)),
  }
}

export const embed: Scenario = embedding('embed', '1 KiB', 1024)
export const embedSmall: Scenario = embedding('embed-small', '100 B', 100)
