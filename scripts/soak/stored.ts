/** An event as history gives it. */
export interface StoredEvent {
  readonly id: string
  readonly data: string
}

/** Everything that the log contains of a publisher, page by page. */
export async function storedOf(url: string, publisher: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  let from = 'start'
  for (;;) {
    const response = await fetch(`${url}/topics/soak/${publisher}?limit=1000&from=${from}`, {
      headers: { Accept: 'application/json' },
    })
    if (!response.ok) throw new Error(`history answered ${response.status}: ${await response.text()}`)
    const page = (await response.json()) as { events: StoredEvent[]; next: string }
    if (page.events.length === 0) return events
    events.push(...page.events)
    from = page.next
  }
}
