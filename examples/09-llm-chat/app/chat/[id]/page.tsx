import type { ReactNode } from 'react'
import { readChat } from '../../../server/chats.ts'
import { chatIdOf } from './chat-id.ts'
import { ChatView } from './chat.tsx'

export const dynamic = 'force-dynamic'

export default async function Page({ params }: { params: Promise<{ id: string }> }): Promise<ReactNode> {
  const id = await chatIdOf(params)
  const { messages, cursor } = await readChat(id)
  return <ChatView key={id} id={id} messages={messages} cursor={cursor} />
}
