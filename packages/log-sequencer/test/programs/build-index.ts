import { openSequencedLog, type ConnectSequencer, type Consumer } from '@tailrace/log-sequencer'
import { manyRecords } from '../many-records.ts'

// Builds an index until it is killed. Prints a line after each run of records that it was given.
const RUN = 20
const [index, seed, count] = process.argv.slice(2) as [string, string, string]
const { connect } = manyRecords(Number(seed), Number(count)).link()

const connectSlowly: ConnectSequencer = async (signal) => {
  const sequencer = await connect(signal)
  const consume = sequencer.consume.bind(sequencer)
  sequencer.consume = (after, consumer) => consume(after, inRuns(consumer))
  return sequencer
}

function inRuns(consumer: Consumer): Consumer {
  return {
    async records(records) {
      for (let from = 0; from < records.length; from += RUN) {
        await consumer.records(records.slice(from, from + RUN))
        process.stdout.write(`${records[from]!.position}\n`)
      }
    },
  }
}

await openSequencedLog({ connect: connectSlowly, index })
