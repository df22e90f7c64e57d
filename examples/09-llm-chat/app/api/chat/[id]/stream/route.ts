import { chatIdOf } from '../../../../chat/[id]/chat-id.ts'
import { resume, stop } from '../../../../../server/chats.ts'

interface Context {
  params: Promise<{ id: string }>
}

/** The answer that is in progress, for a page that was reloaded, or has lost its connection. */
export async function GET(_request: Request, { params }: Context): Promise<Response> {
  return resume(await chatIdOf(params))
}

/** Stop. */
export async function DELETE(_request: Request, { params }: Context): Promise<Response> {
  return stop(await chatIdOf(params))
}
