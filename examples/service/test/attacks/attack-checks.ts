import type { Knex } from 'knex'
import { type Answer, readHeader } from './answers.js'
import { APP_HEADER } from './attack-servers.js'

/** The tables of a schema, each as one number that stands for all that is in it. */
export type Digest = Readonly<Record<string, string>>

const AUDIT = 'kyc_audit'

/** Resolves with a function that tells the state of all tables but the audit trail. A partition is no table of its own. */
export async function createDigest(knex: Knex): Promise<() => Promise<Digest>> {
  const { rows: tables } = await knex.raw(
    `select relname as name from pg_class where relnamespace = to_regnamespace('persona_kyc')
       and relkind in ('r', 'p') and not relispartition and relname <> ? order by 1`,
    [AUDIT],
  )
  const parts = tables.map(
    ({ name }: { name: string }) => `select '${name}' as name,
      md5(coalesce(string_agg(row, ',' order by row), '')) as digest
      from (select md5(to_jsonb(t)::text) as row from persona_kyc."${name}" t) rows`,
  )
  return async () => {
    const { rows } = await knex.raw(parts.join(' union all '))
    return Object.fromEntries(rows.map(({ name, digest }: { name: string; digest: string }) => [name, digest]))
  }
}

/** The names of the tables that differ. */
export function compareDigests(before: Digest, after: Digest): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name])
}

/** An entry of the audit trail as the checks compare it. */
export interface AuditedRequest {
  readonly principal: string | null
  readonly action: string
  readonly route: string
  readonly verdict: string
  readonly caseId: string | null
}

/** Takes what is in the audit trail out of it, which only the owner of the tables can. */
export async function takeAudit(knex: Knex): Promise<AuditedRequest[]> {
  const { rows } = await knex.raw(`delete from persona_kyc.${AUDIT} returning *`)
  return rows.map(({ principal, action, route, verdict, case_id: caseId }: Record<string, string | null>) => ({
    principal,
    action,
    route,
    verdict,
    caseId,
  }))
}

/** What names the software behind an answer, or a place in it; and what looks like a digest. */
const SOFTWARE =
  /\b(express|hono|zod|knex|node|nodejs|node_modules|undici|llhttp|ofetch|postgres|postgresql|persona-kyc|syntaxerror|typeerror|rangeerror)\b|\bat \S+ \(|\.[cm]?[jt]s\b|unexpected (token|end)|position \d|\b[0-9a-f]{64}\b/i

/** The headers that an answer of the routes may have. */
const HEADERS = new Set([
  'allow',
  'cache-control',
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'cross-origin-resource-policy',
  'date',
  'keep-alive',
  'referrer-policy',
  'retry-after',
  'transfer-encoding',
  'www-authenticate',
  'x-content-type-options',
  'x-frame-options',
])

/** The headers that each answer of the routes must have. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** What is wrong with the form of an answer: none of the routes' and of no HTTP server's own. */
export function findFormFaults(answer: Answer): string[] {
  if (readHeader(answer, APP_HEADER) !== '') return []
  const unknown = answer.headers.map(([name]) => name).filter((name) => !HEADERS.has(name))
  const faults = unknown.map((name) => `an unknown header ${name}`)
  // The HTTP server's own: it says nothing at all.
  if (answer.body === '' && readHeader(answer, 'content-type') === '') return faults
  const type = toExpectedType(answer)
  if (readHeader(answer, 'content-type') !== type) faults.push(`the type is not ${type}`)
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    const actual = readHeader(answer, name)
    // A page says more than that nothing is allowed.
    const isRight =
      type === PAGE && name === 'content-security-policy' ? actual.startsWith("default-src 'none'; ") : actual === value
    if (!isRight) faults.push(`${name} is not ${value}`)
  }
  return faults
}

const PAGE = 'text/html; charset=utf-8'

function toExpectedType({ status, body }: Answer): string {
  if (status === 200 && body.startsWith('<!doctype html>')) return PAGE
  return status < 400 || body.startsWith('{"status":"') ? 'application/json' : 'application/problem+json'
}

/** What is in one list and not in the other, whatever their order; what is `possible` may be there or not. */
export function compareLists(
  name: string,
  actual: readonly unknown[],
  { expected, possible = [] }: { readonly expected: readonly unknown[]; readonly possible?: readonly unknown[] },
): string[] {
  const rest = possible.map((item) => JSON.stringify(item))
  const missing = expected.map((item) => JSON.stringify(item))
  const surplus = actual
    .map((item) => JSON.stringify(item))
    .filter((item) => {
      const list = missing.includes(item) ? missing : rest
      const at = list.indexOf(item)
      if (at !== -1) list.splice(at, 1)
      return at === -1
    })
  return [
    ...surplus.map((item) => `${name}: ${item} is too much`),
    ...missing.map((item) => `${name}: ${item} is missing`),
  ]
}

/** What an answer tells that it must not: secrets, names of software, and where it refuses, ids. */
export function findLeaks(
  answer: Answer,
  { secrets, ids }: { readonly secrets: Iterable<string>; readonly ids: Iterable<string> },
): string[] {
  if (readHeader(answer, APP_HEADER) !== '') return []
  const text = [...answer.headers.map(([name, value]) => `${name}: ${value}`), answer.body].join('\n')
  const software = SOFTWARE.exec(text)?.[0]
  return [
    ...findTexts(text, secrets),
    ...(answer.status >= 400 ? findTexts(text, ids) : []),
    ...(software === undefined ? [] : [`${software} in an answer`]),
  ]
}

/** Which of these texts are in there, told by their beginning. */
export function findTexts(text: string, needles: Iterable<string>): string[] {
  return [...needles].filter((needle) => text.includes(needle)).map((needle) => `${needle.slice(0, 16)}… is told`)
}
