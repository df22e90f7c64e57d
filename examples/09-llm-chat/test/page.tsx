import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ChatView } from '../app/chat/[id]/chat.tsx'
import type { ChatMessage } from '../conversation.ts'

declare const CHAT: { id: string; messages: ChatMessage[]; cursor: string }

/** The page as Next would show it. */
createRoot(document.body).render(
  <StrictMode>
    <ChatView {...CHAT} />
  </StrictMode>,
)
