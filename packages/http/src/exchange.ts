import type { Sink } from '@tailrace/hub'
import type { Problem } from './problem.ts'

export type HeaderFields = Readonly<Record<string, string>>

/** What a request says before its body. */
export interface RequestHead {
  readonly method: string
  /** A header by its lower-case name; one that was sent several times is joined. Each character is a byte. */
  header(name: string): string | undefined
  /** The values of a header, each as it was sent. */
  values(name: string): readonly string[]
}

/** One request and its answer, whatever carries them: `node:http`, HTTP/2, or `Request` and `Response`. */
export interface Exchange extends RequestHead {
  /** Path and query, as they were sent. */
  readonly target: string
  readonly remoteAddress: string | undefined
  /** The names of its headers, in lower case. */
  readonly headerNames: Iterable<string>
  /** How its bytes travel, as `GET /connections` shows it. */
  readonly transport: string
  /** The body as it arrives. To begin to read it asks for it where the client waits (RFC 9110, section 10.1.1). */
  readonly body: AsyncIterable<Buffer>
  /** Nobody is there to take an answer. */
  readonly isGone: boolean
  /** An answer has begun. */
  readonly isAnswered: boolean
  /** The whole answer has been handed over. */
  readonly isEnded: boolean
  /** Calls back once the answer has been taken, or nobody is there to take it. */
  onceGone(tell: () => void): void
  /** Sets a header of whatever answer there will be. */
  setHeader(name: string, value: string): void
  appendHeader(name: string, value: string): void
  /** Answers. To `HEAD`, without the body. */
  answer(status: number, headers?: HeaderFields, body?: string | Uint8Array): void
  /**
   * Answers with a body that is made as the client takes it.
   *
   * @param bytes - what the answer holds in memory until then
   */
  answerInSlices(
    status: number,
    headers: HeaderFields,
    slices: Iterator<string>,
    bytes: number,
  ): Promise<void>
  /** Answers with a problem; cuts an answer that has begun. */
  reject(problem: Problem): void
  /** Answers with a stream. */
  stream(headers: HeaderFields): Sink
  /** Ends without an answer. */
  cut(): void
}
