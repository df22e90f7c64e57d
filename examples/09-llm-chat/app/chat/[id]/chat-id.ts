import { notFound } from 'next/navigation'
import { isChatId } from '../../../server/chats.ts'

export async function chatIdOf(params: Promise<{ id: string }>): Promise<string> {
  const { id } = await params
  return isChatId(id) ? id : notFound()
}
