import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { reference } from '../packages/server/src/cli/help.ts'
import { VERBS } from '../packages/server/src/cli/verbs.ts'
import { httpContract } from './http-contract.ts'
import { apiPages } from './reference/page.ts'

const folder = new URL('../docs/reference/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('cli.md', folder), reference(VERBS))
writeFileSync(new URL('http-contract.md', folder), httpContract())

const pages = apiPages()
const api = new URL('api/', folder)
rmSync(api, { recursive: true, force: true })
mkdirSync(api)
for (const [name, text] of pages) writeFileSync(new URL(name, api), text)
