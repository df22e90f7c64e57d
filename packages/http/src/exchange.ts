import type { Sink } from '@tailrace/hub'
import type { Compression } from './compression.ts'
import type { Problem } from './problem.ts'

/** Header fields of an answer, by name. Each character of a value is one byte. */
export type HeaderFields = Readonly<Record<string, string>>

/** The parts of a request that precede its body. */
export interface RequestHead {
  readonly method: string
  /**
   * A header by its lower-case name. The values of a header that was sent several times are joined. Each character is a
   * byte.
   */
  header(name: string): string | undefined
  /** The values of a header, each as it was sent. */
  values(name: string): readonly string[]
}

/** The slices of a body, as text or bytes. */
export type Slices = Iterator<string | Uint8Array, unknown> | AsyncIterator<string | Uint8Array, unknown>

/** One request and its answer, no matter what carries them: `node:http`, HTTP/2, or `Request` and `Response`. */
export interface Exchange extends RequestHead {
  /** Path and query, as they were sent. */
  readonly target: string
  readonly remoteAddress: string | undefined
  /** The names of its headers, in lower case. */
  readonly headerNames: Iterable<string>
  /** How its answer may be compressed. @defaultValue not at all */
  readonly compression?: Compression | undefined
  /** The transport of its bytes, as `GET /connections` shows it. */
  readonly transport: string
  /**
   * The body: all of it if it has arrived, otherwise as it arrives. The first read asks the client to send it if the
   * client waits for that (RFC 9110, section 10.1.1).
   */
  readonly body: Buffer | AsyncIterable<Buffer>
  /** The client is gone, so nobody can receive an answer. */
  readonly isGone: boolean
  /** An answer has begun. */
  readonly isAnswered: boolean
  /** The whole answer has been handed over. */
  readonly isEnded: boolean
  /** Calls back once the client has received the answer, or is gone. */
  onceGone(tell: () => void): void
  /** Sets a header of the answer, whatever it will be. */
  setHeader(name: string, value: string): void
  appendHeader(name: string, value: string): void
  /** Answers. The body is left out for `HEAD`. */
  answer(status: number, headers?: HeaderFields, body?: string | Uint8Array): void
  /**
   * Answers with a body that is generated as fast as the client reads it.
   *
   * @param bytes - the memory that the answer holds until then
   */
  answerInSlices(status: number, headers: HeaderFields, slices: Slices, bytes: number): Promise<void>
  /** Answers with a problem. If an answer has begun, cuts it off. */
  reject(problem: Problem): void
  /** Answers with a stream. */
  stream(headers: HeaderFields): Sink
  /** Ends without an answer. */
  cut(): void
}
