import { type Html, html } from './html.js'

/** What the reference shows of a JSON Schema. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly description?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: unknown
  readonly [constraint: string]: unknown
}

/** Returns a named schema with all its members. */
export function toSchemaSection(name: string, schema: Schema): Html {
  return html`<article id="${toId('schema', name)}"><h3>${name}</h3>${toDetails(schema)}</article>`
}

/** Returns what a schema says: its words, its type, and its members, those of inner objects too. */
export function toDetails(schema: Schema): Html {
  const { description, properties, additionalProperties } = schema
  if (properties === undefined) return html`<p>${toType(schema)}${toWords(schema)}</p>`
  return html`<p>${toProse(description)}${additionalProperties === false && ' It has no other members.'}</p>
<table><thead><tr><th scope="col">Member</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${toRows(schema, '')}</tbody></table>`
}

function toRows({ properties = {}, required = [] }: Schema, prefix: string): Html[] {
  return Object.entries(properties).flatMap(([name, member]) => [
    html`<tr><th scope="row"><code>${prefix}${name}</code> ${toPresence(required.includes(name))}</th>
<td>${toType(member)}</td><td>${toWords(member)}</td></tr>
`,
    ...toRows(member, `${prefix}${name}.`),
    ...toRows(member.items ?? {}, `${prefix}${name}[].`),
  ])
}

/** Says whether something may be left out. */
export function toPresence(isRequired: boolean): Html {
  return isRequired ? html`<strong>required</strong>` : html`<em>optional</em>`
}

/** The schema's type, with links to the schemas that have a name. */
export function toType({ $ref, type = 'any', format, anyOf, allOf, items, ...rest }: Schema): Html {
  if ($ref !== undefined) return toLink($ref.split('/').at(-1) ?? '')
  if (rest.enum !== undefined) return join(rest.enum.map(toCode), ' or ')
  if (rest.const !== undefined) return toCode(rest.const)
  if (anyOf !== undefined) return join(anyOf.map(toType), ' or ')
  // What has no name there narrows what has: the words beside it say how.
  if (allOf !== undefined) return join(allOf.filter((part) => part.$ref !== undefined).map(toType), ' and ')
  if (items !== undefined) return html`array of ${toType(items)}`
  return html`${[type].flat().join(' or ')}${format !== undefined && ` (${format})`}`
}

/** What the schema says besides its type: its description, its bounds and an example. */
export function toWords(schema: Schema): Html {
  const notes = [schema, ...(schema.anyOf ?? [])].flatMap((part) =>
    Object.entries(NOTES).flatMap(([name, words]) =>
      part[name] === undefined ? [] : [html`${words} ${join([part[name]].flat().map(toCode), ' or ')}`],
    ),
  )
  return html`${toProse(schema.description)}${notes.length > 0 && html`<small>${join(notes, ', ')}</small>`}`
}

const NOTES: Readonly<Record<string, string>> = {
  minLength: 'length at least',
  maxLength: 'length at most',
  minimum: 'at least',
  maximum: 'at most',
  pattern: 'matches',
  default: 'default',
  examples: 'such as',
}

/** A description, in which what stands between backticks is code. */
export function toProse(text = ''): Html {
  return html`${text.split('`').map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))}`
}

function toCode(value: unknown): Html {
  return html`<code>${typeof value === 'string' ? value : JSON.stringify(value)}</code>`
}

function toLink(name: string): Html {
  return html`<a href="#${toId('schema', name)}">${name}</a>`
}

/** The anchor of what has this name. */
export function toId(kind: string, name: string): string {
  return `${kind}-${name.replaceAll(/[^\w.-]/g, '_')}`
}

/** Joins parts as `Array.join` joins text. */
export function join(parts: readonly Html[], separator: string): Html {
  return html`${parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]))}`
}
