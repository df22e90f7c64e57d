import type { UseChatHelpers } from '@ai-sdk/react'
import { generateId } from 'ai'
import { useEffect, useState } from 'react'
import { answered, asked } from '../../../conversation.ts'
import type { Chat, ChatEvents, ChatMessage } from '../../../conversation.ts'

/** This tab, among those that show the chat. */
export const TAB = generateId()

type TabEvent =
  | { type: 'asked'; data: ChatEvents['asked'] }
  | { type: 'answered'; data: ChatEvents['answered'] }

/** Follows what other tabs do in the chat, from the event after the cursor. */
export function useTabs(
  { id, status, setMessages, resumeStream }: UseChatHelpers<ChatMessage>,
  cursor: string,
): void {
  const [events, setEvents] = useState<TabEvent[]>([])
  const isBusy = status === 'submitted' || status === 'streaming'

  useEffect(() => {
    const source = new EventSource(`/api/chat/${id}/events?from=${cursor}`)
    for (const type of ['asked', 'answered'] as const) {
      source.addEventListener(type, (message: MessageEvent<string>) => {
        const event: TabEvent = { type, data: JSON.parse(message.data) }
        if (event.type === 'asked' && event.data.tab === TAB) return
        setEvents((waiting) => [...waiting, event])
      })
    }
    return () => source.close()
  }, [id, cursor])

  // In order, and not before `useChat` is done with the answer that it reads: the next question may come earlier.
  useEffect(() => {
    if (isBusy || events.length === 0) return
    setEvents((waiting) => waiting.slice(events.length))
    setMessages((messages) => events.reduce<Chat>(apply, { messages }).messages)
    if (events.at(-1)!.type === 'asked') void resumeStream()
  }, [isBusy, events, setMessages, resumeStream])
}

function apply(chat: Chat, event: TabEvent): Chat {
  return event.type === 'asked' ? asked(chat, event.data) : answered(chat, event.data)
}
