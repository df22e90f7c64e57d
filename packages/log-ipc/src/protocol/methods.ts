import type { CompleteEventLog } from '@tailrace/log'

interface Signatures {
  read: CompleteEventLog['read']
  snapshot: CompleteEventLog['snapshots']['read']
  describe: CompleteEventLog['describe']
  ready: CompleteEventLog['ready']
  list: CompleteEventLog['topics']['list']
  ended: CompleteEventLog['topics']['ended']
  trim: CompleteEventLog['retention']['trim']
  purge: CompleteEventLog['retention']['purge']
  secret: CompleteEventLog['shared']['secret']
  note: CompleteEventLog['shared']['note']
  notes: CompleteEventLog['shared']['notes']
}

type Methods = {
  readonly [M in Method]: (log: CompleteEventLog, ...args: Arguments<M>) => Promise<Result<M>>
}

export type Method = keyof Signatures
export type Arguments<M extends Method> = Parameters<Signatures[M]>
export type Result<M extends Method> = Awaited<ReturnType<Signatures[M]>>

/** The calls that pass through as they are. */
export const METHODS: Methods = {
  read: (log, query) => log.read(query),
  snapshot: (log, query) => log.snapshots.read(query),
  describe: (log) => log.describe(),
  ready: (log) => log.ready(),
  list: (log, query) => log.topics.list(query),
  ended: (log, topics) => log.topics.ended(topics),
  trim: (log, rules, now) => log.retention.trim(rules, now),
  purge: (log, topic) => log.retention.purge(topic),
  secret: (log) => log.shared.secret(),
  note: (log, note) => log.shared.note(note),
  notes: (log, query) => log.shared.notes(query),
}

/** Methods that may change the log: if the connection is lost, it is not known whether they have. */
export const WRITES: ReadonlySet<Method> = new Set<Method>(['trim', 'purge', 'note'])
