import type { UseChatHelpers } from '@ai-sdk/react'
import { useEffect, useRef } from 'react'
import { answered, asked } from '../../../conversation.ts'
import type { ChatEvents, ChatMessage } from '../../../conversation.ts'

/** Follows what other tabs do in the chat, from the event after the cursor. */
export function useTabs(
  { id, status, setMessages, resumeStream }: UseChatHelpers<ChatMessage>,
  cursor: string,
): void {
  const isBusy = useRef(false)
  isBusy.current = status === 'submitted' || status === 'streaming'

  useEffect(() => {
    const source = new EventSource(`/api/chat/${id}/events?from=${cursor}`)
    source.addEventListener('asked', ({ data }: MessageEvent<string>) => {
      // This page has asked.
      if (isBusy.current) return
      const event = JSON.parse(data) as ChatEvents['asked']
      setMessages((messages) => asked({ messages }, event).messages)
      void resumeStream()
    })
    source.addEventListener('answered', ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as ChatEvents['answered']
      setMessages((messages) => answered({ messages }, event).messages)
    })
    return () => source.close()
  }, [id, cursor, setMessages, resumeStream])
}
