import { respond } from '@tailrace/http/web'
import { chatIdOf } from '../../../../chat/[id]/chat-id.ts'
import { topicOf } from '../../../../../server/chats.ts'
import { getHub } from '../../../../../server/hub.ts'

interface Context {
  params: Promise<{ id: string }>
}

/** What happens in the chat, in whichever tab. */
export async function GET(request: Request, { params }: Context): Promise<Response> {
  return respond(await getHub(), request, { topics: [topicOf(await chatIdOf(params))] })
}
