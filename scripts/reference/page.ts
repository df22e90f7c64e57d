import type { Documented, Export, Part } from './catalog.ts'
import { KINDS, readCatalog } from './catalog.ts'
import { docBefore } from './doc-comment.ts'
import type { Declared } from './exported.ts'
import { findDeclared } from './exported.ts'
import { indented, paragraphsOf } from './markdown.ts'
import { membersOf } from './members.ts'
import type { Member } from './members.ts'
import { Places } from './places.ts'
import { mentionedIn, signatureOf } from './signature.ts'

/** The pages of the reference, by file name. */
export function apiPages(): Map<string, string> {
  const packages = readCatalog()
  const places = new Places(packages)
  const pages = packages.map((one) => [`${one.folder}.md`, page(one, places)] as const)
  return new Map([['README.md', contents(packages, places)], ...pages])
}

function contents(packages: readonly Documented[], places: Places): string {
  const rows = packages.map(({ folder, name, description }) => `| [${name}](${folder}.md) | ${description} |`)
  const functions = packages.flatMap(({ folder, parts }) =>
    parts.map((part) => [part.specifier, linksTo(part, 'Functions', `${folder}.md`, places)]),
  )
  return `# API reference

${written('packages/*/src')}

| Package | |
| --- | --- |
${rows.join('\n')}

The functions, by where they are imported from:

| | |
| --- | --- |
${functions.flatMap(([from, links]) => (links === '' ? [] : `| \`${from}\` | ${links} |`)).join('\n')}
`
}

function linksTo({ exports }: Part, kind: Export['kind'], file: string, places: Places): string {
  return exports
    .filter((one) => one.kind === kind)
    .map(({ name, declared }) => `[${name}](${file}#${places.of(declared)!.anchor})`)
    .join(', ')
}

function page({ folder, name, description, parts }: Documented, places: Places): string {
  const sections = parts
    .filter(({ exports }) => exports.length > 0)
    .map((part) => {
      const title = parts.length > 1 ? `## From ${part.specifier}\n\n` : ''
      return `${title}${partSection(part, folder, places)}`
    })
  return `# ${name}

${description}.

${written(`packages/${folder}/src`)}

${sections.join('\n')}`
}

function written(source: string): string {
  return `Written by \`npm run docs\` from the doc comments in \`${source}\`; a test keeps the two the same.`
}

function partSection(part: Part, folder: string, places: Places): string {
  const lists = KINDS.flatMap((kind) => {
    const links = linksTo(part, kind, '', places)
    return links === '' ? [] : `- ${kind}: ${links}`
  })
  return `${lists.join('\n')}\n\n${part.exports.map((one) => exportSection(one, folder, places)).join('\n')}`
}

function exportSection({ declared }: Export, folder: string, places: Places): string {
  const { title, anchor } = places.of(declared)!
  const texts = declared.flatMap((one) => {
    const doc = docBefore(one.module, one.node.start)
    return doc === undefined ? [] : paragraphsOf(doc, places.linkerFrom(one, folder))
  })
  const unnamed = unnamedIn(declared, places)
  const signatures = declared.filter(hasSignature).map(signatureOf)
  const shown = [...declared, ...unnamed]
  const see = places.linksIn(shown, folder).filter((link) => !link.endsWith(`(#${anchor})`))
  const members = shown.flatMap((one) => membersOf(one).map((member) => item(one, member)))
  return [
    `### ${title}\n`,
    `\`\`\`ts\n${[signatures.join('\n'), ...unnamed.map(signatureOf)].join('\n\n')}\n\`\`\`\n`,
    ...texts.map((text) => `${text}\n`),
    ...(members.length > 0 ? [`${members.join('\n')}\n`] : []),
    ...(see.length > 0 ? [`See ${see.join(', ')}.\n`] : []),
  ].join('\n')

  function item(one: Declared, { label, doc }: Member): string {
    const paragraphs = paragraphsOf(doc, places.linkerFrom(one, folder))
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
          (type) =>
            /^TS(?:Interface|TypeAlias)/.test(type.node.type) &&
            places.of([type]) === undefined &&
            !found.has(type.node),
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
