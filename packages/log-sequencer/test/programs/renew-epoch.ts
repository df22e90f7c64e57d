import { openSequencedLog, type ConnectSequencer } from '@tailrace/log-sequencer'
import { manyRecords } from '../many-records.ts'

// Opens an index that is ahead of its sequence, prints a line when it would write to it, and waits there to be killed.
const [index, seed, count] = process.argv.slice(2) as [string, string, string]
const { connect } = manyRecords(Number(seed), Number(count)).link()

const connectWithoutWriting: ConnectSequencer = async (signal) => {
  const sequencer = await connect(signal)
  sequencer.append = () => {
    process.stdout.write('appending\n')
    return new Promise(() => {})
  }
  return sequencer
}

await openSequencedLog({ connect: connectWithoutWriting, index })
