import type { Operation } from '../../../../test-setup/openapi/api-description.js'
import { toEventBody } from './event-plan.js'
import type { KnownValues } from './known-values.js'
import {
  isSigned,
  PATH_TWISTS,
  type PlannedBody,
  type PlannedText,
  type RequestPlan,
  SIGNATURE_HEADER,
} from './request-plan.js'

/** A request as it is sent. */
export interface ApiRequest {
  readonly server: number
  readonly method: string
  /** As the request line has it, without the query. */
  readonly path: string
  /** Of the path: its parameters, decoded. */
  readonly pathValues: Readonly<Record<string, string>>
  readonly query: readonly (readonly [string, string])[]
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
}

/** What the document does not know: how callers show who they are. */
export interface Credentials {
  readonly full: string
  /** Sees some cases only. */
  readonly limited: string
  /** May do nothing here. */
  readonly powerless: string
  sign(body: Uint8Array, options: { readonly isOld: boolean; readonly isOther: boolean }): Promise<string>
}

/** Makes a request of its plan, of what is known so far, and of what callers may show. */
export async function toRequest(
  plan: RequestPlan,
  operation: Operation,
  { known, credentials }: { readonly known: KnownValues; readonly credentials: Credentials },
): Promise<ApiRequest> {
  const pathValues = Object.fromEntries(
    Object.entries(plan.path).map(([name, text]) => [name, toWellFormed(toText(name, text, known))]),
  )
  const body = plan.body === null ? null : toBytes(plan.body, known)
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(pathValues[name] ?? ''))
  const signature = isSigned(operation) ? await toSignature(plan, body, credentials) : {}
  return {
    server: plan.server,
    method: plan.method ?? operation.method,
    path: PATH_TWISTS[plan.pathTwist](path),
    pathValues,
    query: plan.query.map(([name, text]) => [name, toWellFormed(toText(name, text, known))]),
    headers: {
      ...Object.fromEntries(plan.headers),
      ...(plan.contentType !== null && body !== null && { 'content-type': plan.contentType }),
      ...toAuthorization(plan.credential, credentials),
      ...signature,
    },
    body,
  }
}

/** The URL's query as it is sent. */
export function toQueryText({ query }: ApiRequest): string {
  return query.length === 0 ? '' : `?${new URLSearchParams(query.map(([name, value]) => [name, value]))}`
}

function toText(name: string, { text, pick }: PlannedText, known: KnownValues): string {
  return (pick === null ? null : known.pick(name, pick)) ?? text
}

/** A URL is bytes of UTF-8: it has no half of a surrogate pair. */
function toWellFormed(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text))
}

function toBytes(body: PlannedBody, known: KnownValues): Uint8Array {
  if (body.kind === 'bytes') return new Uint8Array(body.bytes)
  return new TextEncoder().encode(toBodyText(body, known))
}

function toBodyText(body: Exclude<PlannedBody, { kind: 'bytes' }>, known: KnownValues): string {
  if (body.kind === 'text') return body.text
  if (body.kind === 'event') return JSON.stringify(toEventBody(body.event, known))
  if (body.kind === 'large')
    return JSON.stringify({ user_id: 'a', document_type: 'a', comment: 'x'.repeat(body.length) })
  return JSON.stringify(body.pick === null ? body.value : withKnown(body.value, body.pick, known)) ?? ''
}

/** An object's texts, where answers have told some by that name. */
function withKnown(value: unknown, index: number, known: KnownValues): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const members = Object.entries(value).map(([name, member]) => [
    name,
    typeof member === 'string' ? (known.pick(name, index) ?? member) : member,
  ])
  return Object.fromEntries(members)
}

function toAuthorization(
  credential: RequestPlan['credential'],
  { full, limited, powerless }: Credentials,
): Record<string, string> {
  const values = {
    full: `Bearer ${full}`,
    limited: `Bearer ${limited}`,
    powerless: `Bearer ${powerless}`,
    wrong: `Bearer ${full.slice(1)}x`,
    basic: `Basic ${btoa(full)}`,
    empty: 'Bearer',
  }
  return credential === 'none' ? {} : { authorization: values[credential] }
}

async function toSignature(
  { signing }: RequestPlan,
  body: Uint8Array | null,
  { sign }: Credentials,
): Promise<Record<string, string>> {
  if (signing === 'none') return {}
  const options = { isOld: signing === 'old', isOther: signing === 'other' }
  const value = signing === 'malformed' ? 't=1,v1=00' : await sign(body ?? new Uint8Array(), options)
  return { [SIGNATURE_HEADER]: value }
}
