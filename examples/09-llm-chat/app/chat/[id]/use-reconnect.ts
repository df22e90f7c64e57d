import type { UseChatHelpers } from '@ai-sdk/react'
import { useEffect } from 'react'
import type { ChatMessage } from '../../../conversation.ts'

const RETRY_MS = 1_000

/**
 * Resumes the answer when the connection has broken, as often as it takes: `useChat` does so only when the page was in the
 * background. Returns whether the page is waiting for a connection.
 */
export function useReconnect({ error, resumeStream }: UseChatHelpers<ChatMessage>): boolean {
  // `fetch` rejects with a TypeError, and so does a body that breaks off. An answer that fails has an error of its own.
  const isOffline = error instanceof TypeError
  useEffect(() => {
    if (!isOffline) return undefined
    const timer = setTimeout(() => void resumeStream(), RETRY_MS)
    return () => clearTimeout(timer)
  }, [error, isOffline, resumeStream])
  return isOffline
}
