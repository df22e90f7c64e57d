import { readHistory } from '@tailrace/client'
import type { HistoryEvent } from '@tailrace/client'

/** Everything that a topic holds. */
export async function readTopic(url: string, topic: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = []
  const pages = readHistory(`${url}/topics/${topic}`, { maxAttempts: 1 }).pages()
  for await (const page of pages) events.push(...page.events)
  return events
}

/** Publishes one event. @returns its id, and whether the hub knew it already */
export async function publishTo(
  url: string,
  topic: string,
  data: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ id: string; duplicate: boolean }> {
  const response = await fetch(`${url}/topics/${topic}`, { method: 'POST', body: data, headers })
  const text = await response.text()
  if (!response.ok) throw new Error(`publish answered ${response.status}: ${text}`)
  const { id, duplicate = false } = JSON.parse(text) as { id: string; duplicate?: boolean }
  return { id, duplicate }
}

/** The place that an id names. */
export function offsetOf(id: string): number {
  return Number(id.split('.')[1])
}
