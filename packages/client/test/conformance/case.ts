import type { Answers } from './server.ts'

/** The client in Node, the client in Chromium, and Chromium's own `EventSource`. */
export const IMPLEMENTATIONS = ['node', 'bundled', 'native'] as const

export type Implementation = (typeof IMPLEMENTATIONS)[number]

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

export interface Given {
  /** The event types to listen to besides `message`. */
  readonly types: readonly string[]
  /** Resolves once another source of the same class came back three times: until then anything may happen. */
  settle(): Promise<void>
}

/** Knows nothing outside of itself, because its text is what runs in a page. */
export type Run = (source: typeof EventSource, url: string, given: Given) => Json | Promise<Json>

/** What one implementation does instead, and why that is so. */
interface Difference {
  readonly result: Json
  readonly reason: string
}

/** One sentence of the section "Server-sent events" of the WHATWG's HTML standard. */
export interface Case {
  readonly section: string
  readonly sentence: string
  /** What tells it from other cases of the same sentence. */
  readonly about?: string
  readonly answers?: Answers
  readonly types?: readonly string[]
  /** Whether the page is of the server's origin. @defaultValue `'same'` */
  readonly page?: 'same' | 'other'
  readonly run: Run
  readonly expected: Json
  readonly differs?: Partial<Record<Implementation, Difference>>
}

/** Several cases of one sentence. */
export function casesOf(
  common: Pick<Case, 'section' | 'sentence'>,
  cases: readonly Omit<Case, 'section' | 'sentence'>[],
): Case[] {
  return cases.map((one) => ({ ...common, ...one }))
}
