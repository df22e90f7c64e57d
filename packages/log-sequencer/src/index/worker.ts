import { openReader, serve } from '@tailrace/log/sqlite'
import { toIndexError } from './errors.ts'
import { openIndexWriter } from './writer.ts'

serve({ writer: openIndexWriter, reader: openReader }, toIndexError)
