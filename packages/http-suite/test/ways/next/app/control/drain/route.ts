import { hubOf } from '../../hub.ts'

export async function GET(): Promise<Response> {
  const hub = await hubOf()
  await hub.drain(0)
  return Response.json('drained')
}

export const dynamic = 'force-dynamic'
