export { openSequencedLog, type SequencedLogOptions } from './sequenced-log.ts'
export type {
  ConnectSequencer,
  Consumer,
  Consumption,
  SequencedRecord,
  Sequencer,
  SequencerDescription,
} from './sequencer.ts'
