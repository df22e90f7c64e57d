/** An event as history gives it. */
export interface HistoryEvent {
  readonly id: string
  readonly topic: string
  readonly data: string
}

/** Everything that a topic holds, page by page. */
export async function readTopic(url: string, topic: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = []
  let from = 'start'
  for (;;) {
    const response = await fetch(`${url}/topics/${topic}?limit=1000&from=${from}`, {
      headers: { Accept: 'application/json' },
    })
    if (!response.ok) throw new Error(`history answered ${response.status}: ${await response.text()}`)
    const page = (await response.json()) as { events: HistoryEvent[]; next: string }
    if (page.events.length === 0) return events
    events.push(...page.events)
    from = page.next
  }
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
