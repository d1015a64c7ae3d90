import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import { APPEND_AUDIT, ATTACH_INQUIRY, type CaseRow, CREATE_CASE, SELECT_CASE } from './bare-case-statements.js'
import { createPool } from './database.js'

/*
 * Cases by hand: what a careful programmer writes for one app, on the same tables and with the very statements of ours, as
 * often and in the same order, through the pool of `pg`. Like ours it writes down who asked before anything is done, seals
 * personal data and session tokens with AES-GCM by `node:crypto`, checks bodies and what Persona answers, sends
 * an idempotency key with a time limit, and gives a token away only while Persona would take it.
 *
 * It leaves out what a library is for: scopes, rate limits, limits of sizes and times, retries, recovery of what was
 * interrupted, several keys and templates, security headers, problem details and logs. Nor does it open what it has just sealed.
 */

/** What somebody starts a verification with, once it was checked. */
interface Initiation {
  readonly user_id: string
  readonly document_type: string
  readonly document_data?: object
  readonly personal_info?: object
}

/** A status, and what to answer as JSON. */
interface Answer {
  readonly status: 200 | 201 | 400 | 404 | 409 | 502
  readonly json: object
}

/** The two routes, whatever the framework. */
export interface BareCases {
  /** Answers `GET /compliance/kyc/:case_id`. */
  read(caseId: string): Promise<Answer>
  /** Answers `POST /compliance/kyc`. */
  initiate(readBody: () => Promise<unknown>): Promise<Answer>
}

/** What {@link createBareCases} needs. */
export interface BareCasesOptions {
  readonly databaseUrl: string
  readonly poolSize: number
  /** 32 bytes, and the name that the ciphertexts have it by. */
  readonly encryptionKey: { readonly id: string; readonly key: Uint8Array<ArrayBuffer> }
  readonly fetch: typeof globalThis.fetch
}

const encoder = new TextEncoder()

/** Returns the routes on a pool of their own. */
export function createBareCases(options: BareCasesOptions): BareCases {
  const pool = createPool(options)
  const cipher = createSealing(options.encryptionKey)

  const audit = (action: string, route: string, caseId: string | null) =>
    pool.query(APPEND_AUDIT, [randomUUID(), 'bearer', action, route, 'allowed', caseId, new Date()])
  const openToken = ({ id, status, persona_session_token: sealed }: CaseRow) => {
    const token = sealed === null || status !== 'pending' ? null : cipher.open(sealed, `${id}.session_token`)
    return token !== null && isFresh(token) ? token : null
  }

  return {
    async read(caseId) {
      await audit('kyc:read', 'GET /compliance/kyc/:case_id', caseId)
      const [row] = (await pool.query<CaseRow>(SELECT_CASE, [caseId])).rows
      if (row === undefined) return { status: 404, json: { error: 'not found' } }
      return { status: 200, json: toCaseJson(row, openToken(row)) }
    },

    async initiate(readBody) {
      await audit('kyc:initiate', 'POST /compliance/kyc', null)
      const input = toInitiation(await readBody())
      if (input === null) return { status: 400, json: { error: 'invalid request' } }
      const { row, isCreated } = await createCase(input)
      if (!isCreated) return goOn(row)
      const made = await createInquiry(options.fetch, row)
      if (made === null) return { status: 502, json: { error: 'Persona does not answer as it should' } }
      const sealed = cipher.seal(made.token, `${row.id}.session_token`)
      const values = [made.inquiryId, made.status, sealed, new Date(), row.id, null]
      const [attached] = (await pool.query<CaseRow>(ATTACH_INQUIRY, values)).rows
      if (attached === undefined) return { status: 409, json: { error: 'the case was erased' } }
      return { status: 201, json: toSessionJson(attached, made.token) }
    },
  }

  async function createCase(input: Initiation) {
    const id = randomUUID()
    const now = new Date()
    const personal = { documentData: input.document_data, personalInfo: input.personal_info }
    const hasPersonal = input.document_data !== undefined || input.personal_info !== undefined
    const sealed = hasPersonal ? cipher.seal(JSON.stringify(personal), `${id}.personal_data`) : null
    const until = new Date(now.getTime() + 3000)
    const values = [input.user_id, null, id, input.document_type, sealed, now, until]
    for (;;) {
      // Somebody else's case of this moment is not visible to this statement, only to the next one.
      const [row] = (await pool.query<CaseRow & { created: boolean }>(CREATE_CASE, values)).rows
      if (row !== undefined) return { row, isCreated: row.created }
    }
  }

  async function goOn(row: CaseRow): Promise<Answer> {
    if (row.persona_inquiry_id === null) return { status: 409, json: { error: 'just being created' } }
    return { status: 200, json: toSessionJson(row, openToken(row)) }
  }
}

/** In the format of ours, so that one side reads what the other one has sealed. */
function createSealing({ id, key }: BareCasesOptions['encryptionKey']) {
  const toContext = (context: string) => encoder.encode(`v1.${id}.${context}`)
  return {
    seal(text: string, context: string): string {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(toContext(context))
      const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `v1.${id}.${iv.toString('base64url')}.${data.toString('base64url')}`
    },
    open(sealed: string, context: string): string {
      const [, , iv = '', text = ''] = sealed.split('.')
      const data = Buffer.from(text, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'))
      decipher.setAAD(toContext(context)).setAuthTag(data.subarray(-16))
      return Buffer.concat([decipher.update(data.subarray(0, -16)), decipher.final()]).toString('utf8')
    },
  }
}

/** Null where Persona answers with anything else. Rejects where it does not answer in time. */
async function createInquiry(fetch: typeof globalThis.fetch, { id, user_id: userId }: CaseRow) {
  const response = await fetch('https://api.withpersona.com/api/v1/inquiries', {
    method: 'POST',
    headers: {
      accept: 'application/json',
      authorization: 'Bearer persona_sandbox_bench',
      'content-type': 'application/json',
      'idempotency-key': `kyc-${id}-1`,
      'key-inflection': 'camel',
      'persona-version': '2025-12-08',
    },
    body: JSON.stringify({
      data: { attributes: { 'inquiry-template-id': 'itmpl_bench', 'reference-id': id } },
      meta: { 'auto-create-account-reference-id': userId, 'auto-create-inquiry-session': true },
    }),
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  })
  if (!response.ok) return null
  const { data, meta } = (await response.json()) as {
    data?: { id?: unknown; attributes?: { status?: unknown } }
    meta?: { sessionToken?: unknown }
  }
  const { inquiryId, status, token } = {
    inquiryId: data?.id,
    status: data?.attributes?.status,
    token: meta?.sessionToken,
  }
  return isText(inquiryId) && isText(status) && isText(token, 4096) ? { inquiryId, status, token } : null
}

function toInitiation(body: unknown): Initiation | null {
  if (!isObject(body)) return null
  const { user_id, document_type, document_data, personal_info, ...others } = body
  const isComplete = isText(user_id) && isText(document_type, 64) && Object.keys(others).length === 0
  if (!isComplete || !isObjectOrMissing(document_data) || !isObjectOrMissing(personal_info)) return null
  return body as unknown as Initiation
}

/** PostgreSQL stores neither NUL nor half a surrogate pair. */
function isText(value: unknown, maxLength = 255): value is string {
  return typeof value === 'string' && value.length <= maxLength && /^[^\p{Cc}\p{Cs}]+$/u.test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isObjectOrMissing(value: unknown): boolean {
  return value === undefined || isObject(value)
}

/** Whether the JWT is good for another minute. */
function isFresh(token: string): boolean {
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { exp: number }
  return exp - 60 > Date.now() / 1000
}

function toSessionJson(row: CaseRow, token: string | null): object {
  return {
    case_id: row.id,
    persona_inquiry_id: row.persona_inquiry_id,
    persona_session_token: token,
    status: row.status,
  }
}

function toCaseJson(row: CaseRow, token: string | null): object {
  return {
    case_id: row.id,
    user_id: row.user_id,
    document_type: row.document_type,
    status: row.status,
    revision: row.revision,
    verification_score: row.verification_score,
    persona_inquiry_id: row.persona_inquiry_id,
    persona_session_token: token ?? undefined,
    persona_status: row.persona_status,
    kyc_claim_id: row.kyc_claim_id,
    kyc_claim_tx_hash: row.kyc_claim_tx_hash,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    verified_at: row.verified_at?.toISOString() ?? null,
    erased_at: row.erased_at?.toISOString() ?? null,
  }
}
