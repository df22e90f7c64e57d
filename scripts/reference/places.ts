import type { Documented } from './catalog.ts'
import type { Declared } from './exported.ts'
import { findDeclared } from './exported.ts'
import type { Linker } from './markdown.ts'
import { mentionedIn, valueOf } from './signature.ts'

/** The section of a declaration. */
export interface Place {
  /** The package whose page it is on. */
  readonly folder: string
  readonly title: string
  readonly anchor: string
}

/** The sections of all declarations, and the links between them. */
export class Places {
  readonly #ofNode = new Map<Declared['node'], Place>()
  /** Of names that a text may mention without importing them: those of its package, and all errors. */
  readonly #ofName = new Map<string, Place>()

  constructor(packages: readonly Documented[]) {
    for (const { folder, parts } of packages) {
      const anchors = new Set<string>()
      for (const { name, declared } of parts.flatMap(({ exports }) => exports)) {
        // A function and a type whose names differ only in case.
        const title = anchors.has(name.toLowerCase()) ? `${name} (type)` : name
        const anchor = title.toLowerCase().replace(' (type)', '-type')
        anchors.add(anchor)
        const place = { folder, title, anchor }
        for (const { node } of declared) this.#ofNode.set(node, place)
        this.#ofName.set(`${folder} ${name}`, place)
        if (name.endsWith('Error')) this.#ofName.set(name, place)
      }
    }
  }

  /** Undefined for a declaration that has no section. */
  of(declared: readonly Declared[]): Place | undefined {
    return declared.map(({ node }) => this.#ofNode.get(node)).find((place) => place !== undefined)
  }

  /** Links, on the page of a package, to what signatures mention. */
  linksIn(declared: readonly Declared[], folder: string): string[] {
    const links = declared.flatMap((one) =>
      mentionedIn(one).flatMap((name) => {
        const place = this.of(findDeclared(one.module.path, name))
        return place === undefined ? [] : `[${name}](${pathTo(place, folder)})`
      }),
    )
    return [...new Set(links)]
  }

  /** For the text of a doc comment, on the page of a package. */
  linkerFrom({ module }: Declared, folder: string): Linker {
    const find = (name: string): readonly Declared[] => findDeclared(module.path, name.split('.')[0]!)
    return {
      place: (name) => {
        const [own] = name.split('.')
        const place = this.of(find(name)) ?? this.#ofName.get(`${folder} ${own}`) ?? this.#ofName.get(name)
        return place === undefined ? undefined : pathTo(place, folder)
      },
      value: (name) => find(name).map(valueOf)[0],
    }
  }
}

function pathTo({ folder, anchor }: Place, from: string): string {
  return `${folder === from ? '' : `${folder}.md`}#${anchor}`
}
