import type { Declared } from './exported.ts'
import { exportsOf, findDeclared } from './exported.ts'
import { docBefore } from './doc-comment.ts'
import type { Doc } from './doc-comment.ts'
import type { Linker } from './markdown.ts'
import { indented, paragraphsOf } from './markdown.ts'
import { membersOf } from './members.ts'
import type { Member } from './members.ts'
import { DOCUMENTED, readPackage } from './packages.ts'
import type { Entry, Package } from './packages.ts'
import { isClass, mentionedIn, signatureOf, valueOf } from './signature.ts'

/** A public name of a package. */
interface Export {
  readonly name: string
  readonly kind: Kind
  readonly declared: readonly Declared[]
}

const KINDS = ['Functions', 'Classes', 'Types', 'Constants'] as const
type Kind = (typeof KINDS)[number]

/** The pages of the reference, by file name. */
export function apiPages(): Map<string, string> {
  const packages = DOCUMENTED.map(readPackage).map((one) => ({ ...one, parts: partsOf(one) }))
  const places = placesOf(packages)
  const pages = packages.map((one) => [`${one.folder}.md`, page(one, places)] as const)
  return new Map([['README.md', contents(packages)], ...pages])
}

/** Public names that no doc comment explains. */
export function unexplained(): string[] {
  return DOCUMENTED.map(readPackage)
    .flatMap(partsOf)
    .flatMap(({ specifier, exports }) => {
      const bare = exports.filter(({ declared }) => !declared.some((one) => docOf(one) !== undefined))
      return bare.map(({ name }) => `${specifier}: ${name}`)
    })
}

function docOf({ module, node }: Declared): Doc | undefined {
  return docBefore(module, node.start)
}

interface Part extends Entry {
  readonly exports: readonly Export[]
}

interface Documented extends Package {
  readonly parts: readonly Part[]
}

/** The exports of each entry. A name that several entries export is explained with the first. */
function partsOf({ entries }: Package): Part[] {
  const seen = new Set<unknown>()
  return entries.map((entry) => {
    const all = [...exportsOf(entry.path)].map(([name, declared]) => ({
      name,
      kind: kindOf(declared),
      declared,
    }))
    const exports = all.filter(({ declared }) => declared.every(({ node }) => !seen.has(node)))
    for (const { declared } of exports) for (const { node } of declared) seen.add(node)
    return { ...entry, exports: exports.toSorted((a, b) => a.name.localeCompare(b.name, 'en')) }
  })
}

function kindOf(declared: readonly Declared[]): Kind {
  const types = declared.map(({ node }) => node.type)
  if (types.some((type) => /Function/.test(type))) return 'Functions'
  if (declared.some(({ node }) => isClass(node))) return 'Classes'
  return types.every((type) => type === 'VariableDeclaration') ? 'Constants' : 'Types'
}

/** The section of each declaration: page and heading. */
type Places = ReadonlyMap<unknown, { readonly folder: string; readonly heading: string }>

function placesOf(packages: readonly Documented[]): Places {
  const places = new Map<unknown, { folder: string; heading: string }>()
  for (const { folder, parts } of packages) {
    const headings = new Set<string>()
    for (const { name, declared } of parts.flatMap(({ exports }) => exports)) {
      const heading = name.toLowerCase()
      if (headings.has(heading)) throw new Error(`${folder}: two sections would be named ${heading}`)
      headings.add(heading)
      for (const { node } of declared) places.set(node, { folder, heading })
    }
  }
  return places
}

function contents(packages: readonly Documented[]): string {
  const rows = packages.map(({ folder, name, description }) => `| [${name}](${folder}.md) | ${description} |`)
  return `# API reference

${written('packages/*/src')}

| Package | |
| --- | --- |
${rows.join('\n')}
`
}

function page({ folder, name, description, parts }: Documented, places: Places): string {
  const sections = parts
    .filter(({ exports }) => exports.length > 0)
    .map((part) => partSection(part, parts.length > 1, folder, places))
  return `# ${name}

${description}.

${written(`packages/${folder}/src`)}

${sections.join('\n')}`
}

function written(source: string): string {
  return `Written by \`npm run docs\` from the doc comments in \`${source}\`; a test keeps the two the same.`
}

function partSection(
  { specifier, exports }: Part,
  isOneOfSeveral: boolean,
  folder: string,
  places: Places,
): string {
  const lists = KINDS.flatMap((kind) => {
    const links = exports
      .filter((one) => one.kind === kind)
      .map(({ name }) => `[${name}](#${name.toLowerCase()})`)
    return links.length === 0 ? [] : `- ${kind}: ${links.join(', ')}`
  })
  const sections = KINDS.flatMap((kind) =>
    exports.filter((one) => one.kind === kind).map((one) => exportSection(one, folder, places)),
  )
  const title = isOneOfSeveral ? `## From ${specifier}\n\n` : ''
  return `${title}${lists.join('\n')}\n\n${sections.join('\n')}`
}

function exportSection({ name, declared }: Export, folder: string, places: Places): string {
  const texts = declared.flatMap((one) => {
    const doc = docOf(one)
    return doc === undefined ? [] : paragraphsOf(doc, linkerFrom(one, folder, places))
  })
  const unnamed = unnamedIn(declared, places)
  const signatures = declared.filter(hasSignature).map(signatureOf)
  const shown = [...declared, ...unnamed]
  const see = linksIn(shown, folder, places).filter((link) => !link.startsWith(`[${name}]`))
  const members = shown.flatMap((one) => membersOf(one).map((member) => item(one, member)))
  return [
    `### ${name}\n`,
    `\`\`\`ts\n${[signatures.join('\n'), ...unnamed.map(signatureOf)].join('\n\n')}\n\`\`\`\n`,
    ...texts.map((text) => `${text}\n`),
    ...(members.length > 0 ? [`${members.join('\n')}\n`] : []),
    ...(see.length > 0 ? [`See ${see.join(', ')}.\n`] : []),
  ].join('\n')

  function item(one: Declared, { label, doc }: Member): string {
    const paragraphs = paragraphsOf(doc, linkerFrom(one, folder, places))
    const isList = paragraphs[0]?.startsWith('- ')
    return indented(`- \`${label}\`:${isList ? '\n' : ' '}${paragraphs.join('\n\n')}`)
  }
}

/** Types of the repository that signatures mention and that have no name outside: shown where they are mentioned. */
function unnamedIn(declared: readonly Declared[], places: Places): readonly Declared[] {
  const found = new Set<Declared['node']>()
  const unnamed: Declared[] = []
  const visit = (all: readonly Declared[]): void => {
    for (const one of all) {
      for (const name of mentionedIn(one)) {
        const types = findDeclared(one.module.path, name).filter(
          ({ node }) => /^TS(?:Interface|TypeAlias)/.test(node.type) && !places.has(node) && !found.has(node),
        )
        for (const { node } of types) found.add(node)
        unnamed.push(...types)
        visit(types)
      }
    }
  }
  visit(declared)
  return unnamed
}

/** Of a function with overloads, the implementation is not a way to call it. */
function hasSignature({ node }: Declared, _: number, all: readonly Declared[]): boolean {
  return node.type !== 'FunctionDeclaration' || all.every((one) => one.node.type !== 'TSDeclareFunction')
}

/** Links to the sections of the types that signatures mention. */
function linksIn(declared: readonly Declared[], folder: string, places: Places): string[] {
  const links = declared.flatMap((one) =>
    mentionedIn(one).flatMap((name) => {
      const place = placeOf(findDeclared(one.module.path, name), folder, places)
      return place === undefined ? [] : `[${name}](${place})`
    }),
  )
  return [...new Set(links)]
}

function linkerFrom({ module }: Declared, folder: string, places: Places): Linker {
  const find = (name: string): readonly Declared[] => findDeclared(module.path, name.split('.')[0]!)
  return {
    // Errors that pass through are not imported where they are mentioned.
    place: (name) => placeOf(find(name), folder, places) ?? placeOf(errorsOf(name), folder, places),
    value: (name) => find(name).map(valueOf)[0],
  }
}

function errorsOf(name: string): readonly Declared[] {
  if (!name.endsWith('Error')) return []
  return DOCUMENTED.flatMap((folder) => exportsOf(readPackage(folder).entries[0]!.path).get(name) ?? [])
}

function placeOf(declared: readonly Declared[], folder: string, places: Places): string | undefined {
  const place = declared.map(({ node }) => places.get(node)).find((found) => found !== undefined)
  if (place === undefined) return undefined
  return `${place.folder === folder ? '' : `${place.folder}.md`}#${place.heading}`
}
