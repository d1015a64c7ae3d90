import { STYLE } from './api-reference-style.js'
import { toSha256 } from './digest.js'
import { Html, html } from './html.js'
import {
  join,
  type Schema,
  toDetails,
  toId,
  toPresence,
  toProse,
  toSchemaSection,
  toType,
  toWords,
} from './schema-reference.js'

/** A page, and the policy that it must be served with. */
export interface ApiReference {
  readonly html: string
  /** Lets the page's own style in, and nothing else. */
  readonly contentSecurityPolicy: string
}

interface Reference {
  readonly $ref?: string
}

interface Parameter extends Reference {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

interface Response extends Reference {
  readonly description: string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content?: Content
}

interface Operation {
  readonly operationId: string
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly description?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, Response>>
}

interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly tags?: readonly { readonly name: string; readonly description?: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: Readonly<Record<string, Readonly<Record<string, Schema>>>>
  readonly 'x-other-responses'?: Readonly<Record<string, Response>>
}

interface Entry {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

type Follow = <Part extends Reference>(part: Part) => Part

/**
 * Resolves with an OpenAPI description as a page to read: without scripts, without anything from elsewhere, and with
 * every text of the description escaped.
 */
export async function createApiReference(openApi: object): Promise<ApiReference> {
  const document = openApi as Document
  const digest = btoa(String.fromCharCode(...(await toSha256(STYLE))))
  return {
    html: toPage(document).text,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  }
}

function toPage(document: Document): Html {
  const { info, tags = [] } = document
  const entries = listOperations(document)
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${info.title}</title>
<style>${new Html(STYLE)}</style></head>
<body><a class="skip" href="#main">Skip the contents</a>
<header><h1>${info.title}</h1><p>Version ${info.version}. ${toProse(info.description)}</p></header>
${toContents(document, entries)}
<main id="main">${tags.map((tag) => toTagSection(document, tag, entries))}${toOtherAnswers(document)}${toSchemas(document)}</main></body></html>
`
}

function listOperations({ paths }: Document): Entry[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

function ofTag(entries: readonly Entry[], name: string): readonly Entry[] {
  return entries.filter(({ operation }) => operation.tags?.includes(name))
}

function toContents({ tags = [], ...document }: Document, entries: readonly Entry[]): Html {
  const operations = tags.map(
    ({ name }) => html`<li><a href="#${toId('tag', name)}">${toTitle(name)}</a><ul>${ofTag(entries, name).map(
      (entry) => html`<li><a href="#${toId('operation', entry.operation.operationId)}">${toCall(entry)}</a></li>`,
    )}</ul></li>
`,
  )
  const schemas = Object.keys(document.components?.schemas ?? {}).map(
    (name) => html`<li><a href="#${toId('schema', name)}">${name}</a></li>`,
  )
  return html`<nav aria-labelledby="contents"><h2 id="contents">Contents</h2><ul>${operations}
<li><a href="#schemas">Schemas</a><ul>${schemas}</ul></li></ul></nav>`
}

function toTagSection(
  document: Document,
  { name, description }: { readonly name: string; readonly description?: string },
  entries: readonly Entry[],
): Html {
  const follow = createFollow(document)
  return html`<section id="${toId('tag', name)}"><h2>${toTitle(name)}</h2><p>${toProse(description)}</p>
${ofTag(entries, name).map((entry) => toOperation(entry, follow))}</section>
`
}

function toOperation(entry: Entry, follow: Follow): Html {
  const { summary, description, security = [], parameters = [], requestBody, responses } = entry.operation
  return html`<article id="${toId('operation', entry.operation.operationId)}"><h3>${toCall(entry)}</h3>
<p><strong>${summary}</strong></p><p>${toProse(description)} Credentials: ${toCredentials(security)}.</p>
${parameters.length > 0 && toParameters(parameters.map(follow))}
${requestBody !== undefined && toBody(requestBody)}
${toAnswers(responses, follow)}</article>
`
}

function toCall({ method, path }: Entry): Html {
  return html`<span class="${method.toLowerCase()}">${method}</span> <code>${path}</code>`
}

function toCredentials(security: readonly object[]): string {
  const alternatives = security.map((requirement) => Object.keys(requirement).join(' and ') || 'none')
  return alternatives.join(' or ') || 'none'
}

function toParameters(parameters: readonly Parameter[]): Html {
  const rows = parameters.map(
    ({ name, required = false, description = '', schema, ...parameter }) =>
      html`<tr><th scope="row"><code>${name}</code> ${toPresence(required)}</th><td>${parameter.in}: ${toType(schema)}</td>
<td>${toWords({ ...schema, description })}</td></tr>`,
  )
  return toTable('Parameters', ['Name', 'Where: type', 'Meaning'], rows)
}

function toBody({ required = false, content }: { readonly required?: boolean; readonly content: Content }): Html {
  const bodies = Object.entries(content).map(
    ([type, { schema }]) => html`<p><code>${type}</code> ${toPresence(required)}</p>${toDetails(schema)}`,
  )
  return html`<h4>Body</h4>${bodies}`
}

function toAnswers(responses: Readonly<Record<string, Response>>, follow: Follow): Html {
  const answers = Object.entries(responses).map(([status, response]) => ({ status, response: follow(response) }))
  const [first = [], ...others] = answers.map(({ response }) => Object.keys(response.headers ?? {}))
  const common = first.filter((name) => others.every((names) => names.includes(name)))
  const rows = answers.map(({ status, response }) => toAnswer(status, response, common))
  return html`${toTable('Answers', ['Status', 'Body', 'Meaning'], rows)}<p>${toHeaders('Each with', common)}</p>`
}

function toAnswer(status: string, response: Response, common: readonly string[]): Html {
  const { description, headers = {}, content = {} } = response
  const bodies = Object.entries(content).map(([type, { schema }]) => html`${toType(schema)} <small>${type}</small>`)
  const names = Object.keys(headers).filter((name) => !common.includes(name))
  return html`<tr><th scope="row">${status}</th><td>${bodies}</td>
<td>${toProse(description)}${toHeaders('with', names)}</td></tr>`
}

function toHeaders(words: string, names: readonly string[]): Html | false {
  const codes = names.map((name) => html`<code>${name}</code>`)
  return names.length > 0 && html`<small>${words} ${join(codes, ', ')}</small>`
}

function toTable(title: string, columns: readonly string[], rows: readonly Html[]): Html {
  const heads = columns.map((column) => html`<th scope="col">${column}</th>`)
  return html`<h4>${title}</h4><table><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table>`
}

function toOtherAnswers(document: Document): Html {
  const others = document['x-other-responses'] ?? {}
  return html`<section><h2>Every path</h2><article><h3>Another method</h3>${toAnswers(others, createFollow(document))}</article></section>
`
}

function toSchemas({ components }: Document): Html {
  const schemas = Object.entries(components?.schemas ?? {}).map(([name, schema]) => toSchemaSection(name, schema))
  return html`<section id="schemas"><h2>Schemas</h2>${schemas}</section>`
}

/** References of a description are one step long: `#/components/<kind>/<name>`. */
function createFollow({ components = {} }: Document): Follow {
  return <Part extends Reference>(part: Part): Part => {
    const [, , kind = '', name = ''] = part.$ref?.split('/') ?? []
    return part.$ref === undefined ? part : ((components[kind]?.[name] ?? part) as Part)
  }
}

function toTitle(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
