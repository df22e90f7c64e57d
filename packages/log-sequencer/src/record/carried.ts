/** The columns of the index that a checkpoint carries. Those of `meta` are what follows from the records alone. */
export const CARRIED = {
  meta: ['name', 'value'],
  topics: ['id', 'name', 'count', 'bytes', 'newest', 'trimmed', 'ended', 'lost_at', 'state_bytes', 'keys'],
  events: [
    'offset',
    'topic',
    'time',
    'type',
    'key',
    'data',
    'bytes',
    'is_end',
    'is_newest',
    'is_removal',
    'traceparent',
    'tracestate',
  ],
  answered: ['topic', 'bytes'],
  answers: ['topic', 'key', 'offset', 'time', 'is_bounded'],
  notes: ['key', 'until'],
  nodes: ['node', 'number', 'position'],
} as const

export type CarriedTable = keyof typeof CARRIED

export const CARRIED_TABLES = Object.keys(CARRIED) as readonly CarriedTable[]

export const CARRIED_META = [
  'epoch',
  'former',
  'secret',
  'record',
  'ours',
  'foreign',
  'newest',
  'bytes',
  'floor',
  'floor_at',
  'losses',
] as const

export type CarriedRow = readonly (string | number | null)[]
