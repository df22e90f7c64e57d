import { countStreams } from '../../../../count-streams.ts'
import { hubOf } from '../../hub.ts'

export async function GET(request: Request): Promise<Response> {
  const topic = new URL(request.url).searchParams.get('topic')!
  return Response.json(await countStreams(await hubOf(), topic))
}
