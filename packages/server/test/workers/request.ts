import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  readonly text: string
}

/** Requests over connections of their own, of which each worker gets some: that all go to one has a chance of 1 in 500,000. */
const MANY = 20

export async function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body,
    timeoutMs = 10_000,
  }: { method?: string; headers?: Record<string, string>; body?: string; timeoutMs?: number } = {},
): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const init = { method, headers, agent: false as const, signal: AbortSignal.timeout(timeoutMs) }
    request(url, init, resolve).on('error', reject).end(body)
  })
  return { status: response.statusCode!, text: await text(response) }
}

/** The answers of all workers to the same request. */
export async function askAll(url: string, init: Parameters<typeof ask>[1] = {}): Promise<Answer[]> {
  return Promise.all(Array.from({ length: MANY }, () => ask(url, init)))
}
