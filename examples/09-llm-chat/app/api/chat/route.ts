import { after } from 'next/server'
import { z } from 'zod'
import { ask, isChatId } from '../../../server/chats.ts'

const Body = z.object({
  id: z.string().refine(isChatId),
  tab: z.string().min(1).max(64),
  question: z.object({
    id: z.string().min(1).max(64),
    role: z.literal('user'),
    parts: z.tuple([z.object({ type: z.literal('text'), text: z.string().min(1).max(10_000) })]),
  }),
})

/** A question. The response is the answer. */
export async function POST(request: Request): Promise<Response> {
  const body = Body.safeParse(await request.json().catch(() => undefined))
  if (!body.success) return new Response(z.prettifyError(body.error), { status: 400 })
  return ask(body.data.id, body.data.question, body.data.tab, after)
}
