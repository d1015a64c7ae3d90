import type { Row, Sample, Texts } from './attack-rows.js'
import { type Caller, SECRETS, type Stage } from './attack-stage.js'

/** One header line. */
export type HeaderLine = readonly [name: string, value: string]

/** A request before it is bytes. Texts of its head are written as Latin-1. */
export interface Draft {
  readonly method: string
  /** What stands between the method and the version. */
  readonly target: string
  readonly version: string
  readonly headers: readonly HeaderLine[]
  readonly body: Buffer | null
}

/** What differs from the request as it should be. */
export interface DraftChanges {
  readonly method?: string
  readonly path?: string
  /** Without `?`; it replaces that of the sample. */
  readonly query?: string
  /** Further headers, behind those of the request. */
  readonly headers?: readonly HeaderLine[]
  readonly contentType?: string | null
  /** A body of its own; null for none. */
  readonly body?: Buffer | string | null
  readonly version?: string
  /** What frames the body. Default: its length. */
  readonly framing?: readonly HeaderLine[]
  /** What authenticates the request. Default: what the caller shows. */
  readonly authentication?: readonly HeaderLine[]
}

/** What an attack aims at. */
export interface Target {
  readonly stage: Stage
  readonly row: Row
  readonly sample: Sample
  readonly caller: Caller
  readonly method: string
  readonly path: string
  readonly caseId: string | null
  readonly query: string
  /** Whether the route reads a body, and has one to read. */
  readonly hasBody: boolean
  /** The bytes of the body as it should be; of a route without one, some JSON all the same. */
  toBody(texts?: Texts): Buffer
  /** Puts raw JSON in place of a text of the body; of the one that there is where it has no such place. */
  toBodyWith(place: keyof Texts, raw: string | Buffer): Buffer
  /** The request, with changes. */
  draft(changes?: DraftChanges): Draft
  /** The same, about another case. */
  withCase(caseId: string): Target
}

/** Returns what an attack on this route aims at. */
export function createTarget(given: {
  readonly stage: Stage
  readonly row: Row
  readonly sample: Sample
  readonly caller: Caller
}): Target {
  const { stage, row, sample, caller } = given
  const path = row.route.path.replace(':case_id', sample.caseId ?? '')
  const toBody = (texts: Texts = {}) => Buffer.from(JSON.stringify((sample.json ?? toForeignJson)(texts)))
  return {
    ...given,
    method: row.route.method,
    path,
    caseId: sample.caseId,
    query: sample.query,
    hasBody: sample.json !== null,
    toBody,
    toBodyWith(place, raw) {
      const parts = [toBody({ [place]: MARK }), toBody({ text: MARK })].map((body) =>
        body.toString().split(`"${MARK}"`),
      )
      const [before = '', after = ''] = parts.find(({ length }) => length === 2) ?? []
      return Buffer.concat([Buffer.from(before), Buffer.from(raw), Buffer.from(after)])
    },
    draft: (changes = {}) =>
      toDraft({ stage, row, caller, path, query: sample.query }, sample.json === null ? null : toBody(), {
        ...changes,
        headers: [...sample.headers, ...(changes.headers ?? [])],
      }),
    withCase: (caseId) => createTarget({ ...given, sample: { ...sample, caseId } }),
  }
}

const MARK = 'the-mark-of-the-attacker'

/** What is sent to a route that reads no body. */
function toForeignJson({ text = 'text', inner = 'inner' }: Texts): Readonly<Record<string, unknown>> {
  return { user_id: text, document_data: { note: inner } }
}

function toDraft(
  { stage, row, caller, path, query }: Pick<Target, 'stage' | 'row' | 'caller' | 'path' | 'query'>,
  ownBody: Buffer | null,
  changes: DraftChanges,
): Draft {
  const body = changes.body === undefined ? ownBody : toBytes(changes.body)
  const { contentType = 'application/json' } = changes
  const changedQuery = changes.query ?? query
  const type: readonly HeaderLine[] = contentType === null || body === null ? [] : [['Content-Type', contentType]]
  const length: readonly HeaderLine[] = body === null ? [] : [['Content-Length', String(body.length)]]
  return {
    method: changes.method ?? row.route.method,
    target: `${changes.path ?? path}${changedQuery === '' ? '' : `?${changedQuery}`}`,
    version: changes.version ?? 'HTTP/1.1',
    headers: [
      ['Host', 'evil.example'],
      ...(changes.authentication ?? toAuthentication(stage, row, caller, body)),
      ...type,
      ...(changes.framing ?? length),
      ...(changes.headers ?? []),
    ],
    body,
  }
}

function toBytes(body: Buffer | string | null): Buffer | null {
  return typeof body === 'string' ? Buffer.from(body) : body
}

/** What a caller shows to a route: the webhook's is a signature, where somebody has one. */
export function toAuthentication(
  stage: Stage,
  { route }: Pick<Row, 'route'>,
  caller: Caller,
  body: Buffer | null,
): readonly HeaderLine[] {
  if (caller === 'nobody') return []
  if (route.body !== 'raw') return [['Authorization', `Bearer ${SECRETS[caller]}`]]
  const bytes = body ?? Buffer.alloc(0)
  if (caller === 'operator') return [['Persona-Signature', stage.sign(bytes)]]
  if (caller === 'expired') return [['Persona-Signature', stage.sign(bytes, { seconds: stage.nowMs / 1000 - 301 })]]
  if (caller === 'wrong') return [['Persona-Signature', stage.sign(bytes, { secret: SECRETS.wrong })]]
  return [['Authorization', `Bearer ${SECRETS[caller]}`]]
}

/** Returns the head of a request, to the empty line. */
export function toHeadBytes({ method, target, version, headers }: Draft): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${target} ${version}\r\n${lines.join('')}\r\n`, 'latin1')
}

/** Returns the bytes of a request. */
export function toRequestBytes(draft: Draft): Buffer {
  return Buffer.concat([toHeadBytes(draft), draft.body ?? Buffer.alloc(0)])
}
