import { FAN_OUT_COLUMNS, type FanOut, fanOut } from '../../fan-out.ts'
import { hubsOnly } from '../../peer.ts'
import type { Scenario, Size } from '../../scenario.ts'

const notices = (size: Size): FanOut => ({
  readers: size.pick(5000, 1000),
  rate: 1000,
  seconds: size.pick(5, 1),
  connections: 32,
  isOwnTopic: true,
})

/** Every reader has a topic of its own, so nothing that is done for one serves another. */
export const notifications: Scenario = {
  name: 'notifications',
  title: 'Notifications',
  describe: (size) =>
    `${notices(size).readers.toLocaleString('en')} topics with one reader each get ${notices(size).rate.toLocaleString('en')} events/s of 100 B in turn, for ${notices(size).seconds} s. CPU is that of the publish and of its one delivery.`,
  columns: FAN_OUT_COLUMNS,
  maxRuns: 1,
  excludes: hubsOnly,
  run: (trial) => fanOut(trial, notices(trial.size)),
}

const answers = (size: Size): FanOut => ({
  readers: 500,
  rate: 10_000,
  seconds: size.pick(4, 1),
  connections: 64,
  isOwnTopic: true,
})

export const tokens: Scenario = {
  name: 'tokens',
  title: 'Token streams',
  describe: (size) =>
    `${answers(size).readers} users each read the answer that is written for them: ${answers(size).rate / answers(size).readers} tokens/s of 100 B, each published by a request of its own, for ${answers(size).seconds} s. Answers that an application relays are measured in [APPS.md](APPS.md).`,
  columns: FAN_OUT_COLUMNS,
  maxRuns: 1,
  excludes: hubsOnly,
  run: (trial) => fanOut(trial, answers(trial.size)),
}
