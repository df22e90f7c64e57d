import { respondPublish } from '@tailrace/http/web'
import { chosenTopic } from '../../../app.ts'
import { ORIGIN } from '../../../constants.ts'
import { hubOf } from '../hub.ts'

export async function POST(request: Request): Promise<Response> {
  return respondPublish(await hubOf(), request, { topic: chosenTopic(request.url), allowOrigins: [ORIGIN] })
}
