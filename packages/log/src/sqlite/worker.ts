import { openReader } from './reader.ts'
import { serve } from './serve.ts'
import { openWriter } from './writer.ts'

serve({ writer: openWriter, reader: openReader, joined: 'commit' })
