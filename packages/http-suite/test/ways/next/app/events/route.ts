import { respond } from '@tailrace/http/web'
import { chosen } from '../../../app.ts'
import { hubOf } from '../hub.ts'

export async function GET(request: Request): Promise<Response> {
  return respond(await hubOf(), request, chosen(request.url))
}
