export type { Consumer, Consumption, SequencedRecord, Sequencer, SequencerDescription } from './sequencer.ts'
