/** Grows with every change of the protocol: both ends must be of the same version. */
export const VERSION = 1

/** Marks the greeting of a node. */
export const PROTOCOL = 'tailrace-log'

/** Maximum size of a frame. Only what has arrived of one is in memory. */
export const MAX_FRAME_BYTES: number = 128 * 2 ** 20

/** Maximum size of a greeting, which may come from anybody. */
export const MAX_GREETING_BYTES = 1_024

/** How long the other end may take for its greeting. */
export const GREETING_TIMEOUT_MS = 5_000

/**
 * The kinds of frames. A frame is its length (u32, little-endian, without itself), its kind (u8), and its body. The first
 * three have JSON as their body, in every version, so that different versions understand each other's refusal.
 */
export const FRAME = {
  /** From the node: who it is, and what it has seen before. */
  hello: 1,
  /** From the owner: which log it is, and where its tail is. */
  welcome: 2,
  /** From the owner, instead: why not. */
  refused: 3,

  /** From the node: batches, each with the next number. */
  append: 4,
  /** From the node: a method and its arguments. */
  call: 5,

  /** From the owner: events that were committed, or that a node has missed. */
  events: 6,
  /** Everything up to this offset was reported. */
  place: 7,
  lost: 8,
  /** A topic is about to be purged. If the owner dies now, it may be. */
  purging: 9,
  purged: 10,
  /** A topic was not purged after all. */
  kept: 11,
  interrupted: 12,
  resumed: 13,
  failed: 14,
  /** The results of batches. */
  appended: 15,
  /** The result of a call. */
  answer: 16,
  page: 17,
  /** The error of a call. */
  error: 18,
} as const

/** What a node says first. */
export interface Hello {
  readonly protocol: string
  readonly version: number
  /** What it knows from earlier connections. Undefined in its first one. */
  readonly known?: KnownPlace | undefined
}

/** Where the tail of a node is. */
export interface KnownPlace {
  /** Every event up to here was reported. */
  readonly offset: number
  /** The owner of the last connection, and the number of the last purge that it reported. */
  readonly owner: string
  readonly purge: number
}

/** What the owner answers. */
export interface Welcome {
  readonly epoch: string
  readonly newest: number
  /** What the tail of a node that knows nothing starts after. */
  readonly offset: number
  /** The name of this owner: another one after each start. */
  readonly owner: string
  /** The number of its last purge. */
  readonly purge: number
}
