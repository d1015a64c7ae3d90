import { readFileSync } from 'node:fs'
import {
  checkWebhook,
  createSignatureVerifier,
  isKycError,
  type PersonaClient,
  type PersonaHealth,
} from '@persona-kyc/core'
import { checkEventMonths, checkFeed, createKnexStorage, listMigrations } from '@persona-kyc/storage-knex'
import { defineCommand } from 'citty'
import type { Knex } from 'knex'
import { toDriftLines } from './check-webhook.js'
import {
  createEnvironmentClient,
  DATABASE_ARGS,
  type Environment,
  requireDatabaseUrl,
  withDatabase,
} from './environment.js'
import { toFailure, UsageError } from './usage.js'

/** What one look found. A warning does not fail the whole. */
interface Finding {
  readonly verdict: 'ok' | 'warning' | 'failure'
  readonly text: string
}

/** Half of the replay window of webhooks: beyond it, little is left for their way. */
const MAX_SKEW_MS = 150_000
const MAX_WRITER_SECONDS = 60
const SIGNS = { ok: 'ok   ', warning: 'warn ', failure: 'FAIL ' } as const

export const doctorCommand = defineCommand({
  meta: { name: 'doctor', description: 'Looks for what keeps the engine from working, and says how to mend it' },
  args: DATABASE_ARGS,
  async run({ args: { schema } }) {
    const findings = [...checkConfiguration(), ...(await checkDatabase(schema)), ...(await checkPersona())]
    for (const { verdict, text } of findings) console.log(`${SIGNS[verdict]}${text}`)
    const failures = findings.filter(({ verdict }) => verdict === 'failure').length
    console.log(failures === 0 ? 'Nothing keeps the engine from working.' : `${failures} to mend.`)
    return failures === 0 ? 0 : 1
  },
})

function checkConfiguration(): Finding[] {
  const { PERSONA_TEMPLATE_ID, KYC_ENCRYPTION_KEYS } = process.env
  return [
    checkSecrets(process.env),
    PERSONA_TEMPLATE_ID
      ? ok('PERSONA_TEMPLATE_ID is set')
      : failure('PERSONA_TEMPLATE_ID is not set. Copy the id (itmpl_…) of your inquiry template from the dashboard.'),
    KYC_ENCRYPTION_KEYS
      ? ok('KYC_ENCRYPTION_KEYS is set')
      : warning('KYC_ENCRYPTION_KEYS is not set: personal data and session tokens are not stored.'),
  ]
}

function checkSecrets({ PERSONA_WEBHOOK_SECRET, PERSONA_WEBHOOK_SECRET_FILE: path }: Environment): Finding {
  const variable = path ? 'PERSONA_WEBHOOK_SECRET_FILE' : 'PERSONA_WEBHOOK_SECRET'
  return look(`${variable} is set`, () => {
    const text = path ? readSecretFile(path) : PERSONA_WEBHOOK_SECRET
    const secrets = (text ?? '').split(/\s+/).filter((secret) => secret !== '')
    createSignatureVerifier({ secrets })
    return secrets.every((secret) => secret.startsWith('wbhsec_'))
      ? null
      : `${variable} does not start with wbhsec_. Copy it whole from the webhook’s page in the dashboard.`
  })
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new UsageError('PERSONA_WEBHOOK_SECRET_FILE names a file that cannot be read. Mount it there, readable.')
  }
}

async function checkDatabase(schema: string): Promise<Finding[]> {
  try {
    requireDatabaseUrl(process.env)
    return await withDatabase(async (knex) => [await checkConnection(knex), ...(await checkSchema(knex, schema))])
  } catch (error) {
    return [failure(toFailure(error).message)]
  }
}

async function checkConnection(knex: Knex): Promise<Finding> {
  await createKnexStorage({ knex }).ping()
  const before = Date.now()
  const { rows } = await knex.raw<{ rows: { now: Date; version: string }[] }>(
    `select clock_timestamp() as now, current_setting('server_version_num') as version`,
  )
  const skewMs = (rows[0]?.now.getTime() ?? 0) - (before + Date.now()) / 2
  if (Number(rows[0]?.version) < 130_000) return failure('PostgreSQL is older than 13. Upgrade it.')
  return Math.abs(skewMs) > MAX_SKEW_MS
    ? warning(`The database’s clock is ${toText(skewMs)} from this one. Set both by NTP.`)
    : ok('the database answers')
}

async function checkSchema(knex: Knex, schema: string): Promise<Finding[]> {
  const missing = (await listMigrations({ knex, schema })).filter(({ appliedAt }) => appliedAt === null)
  if (missing.length > 0) {
    return [failure(`${missing.length} migrations are missing. Run: npx persona-kyc migrate`)]
  }
  const { isBehind, oldestWriterSeconds } = await checkFeed({ knex, schema })
  const consumers = await createKnexStorage({ knex, schema }).listConsumers()
  const { isComplete, misplacedEvents } = await checkEventMonths({ knex, schema })
  const parked = consumers.filter(({ deadLetters }) => deadLetters > 0)
  return [
    ok('the migrations are applied'),
    isBehind
      ? failure('The database was loaded from a dump, and hides its old transitions. Run: npx persona-kyc mend-feed')
      : ok('the feed is in order'),
    oldestWriterSeconds !== null && oldestWriterSeconds > MAX_WRITER_SECONDS
      ? warning(
          `A transaction has been writing for ${Math.round(oldestWriterSeconds)} s: the feed shows nothing newer. Find it in pg_stat_activity.`,
        )
      : ok('no transaction holds the feed up'),
    !isComplete || misplacedEvents > 0
      ? warning('The events of some months have no partition. Run as the owner of the tables: npx persona-kyc migrate')
      : ok('the events have their partitions'),
    ...parked.map(({ name, deadLetters }) =>
      warning(`The consumer ${name} has ${deadLetters} dead letters. See: npx persona-kyc dead-letters list`),
    ),
  ]
}

async function checkPersona(): Promise<Finding[]> {
  try {
    const persona = createEnvironmentClient(process.env)
    const { status } = await persona.health()
    const answers = status === 'ok' || status === 'slow'
    return [HEALTH[status], ...(answers ? [checkSkew(persona), ...(await checkDrift(persona))] : [])]
  } catch (error) {
    return [failure(toFailure(error).message)]
  }
}

const HEALTH: Readonly<Record<PersonaHealth['status'], Finding>> = {
  ok: ok('Persona’s API answers, and takes the key'),
  slow: warning('Persona’s API takes more than two seconds to answer. See https://status.withpersona.com.'),
  unreachable: failure('Persona’s API cannot be reached. Check the network, the proxy and PERSONA_BASE_URL.'),
  unauthorized: failure('Persona refuses the API key. Check that it is active, and of this environment.'),
  failing: failure(
    'Persona’s API answers with errors. See https://status.withpersona.com, and check PERSONA_BASE_URL.',
  ),
}

function checkSkew(persona: PersonaClient): Finding {
  const skewMs = persona.clockSkewMs()
  if (skewMs === null) return warning('Persona told no time, so this clock could not be checked.')
  return Math.abs(skewMs) > MAX_SKEW_MS
    ? failure(`This clock is ${toText(skewMs)} from Persona’s: webhooks are refused as stale or future. Set it by NTP.`)
    : ok('this clock agrees with Persona’s')
}

async function checkDrift(persona: PersonaClient): Promise<Finding[]> {
  const { KYC_WEBHOOK_URL: url } = process.env
  if (!url) return [warning('KYC_WEBHOOK_URL is not set, so the webhook at Persona was not looked at.')]
  try {
    const drift = await checkWebhook(persona, { url })
    return toDriftLines(drift).map((line) => (drift.differences.length === 0 ? ok(line) : failure(line)))
  } catch (error) {
    if (!isKycError(error)) throw error
    return [warning(`The webhook at Persona was not looked at: ${error.message}`)]
  }
}

/** Turns what a check says or throws into a finding; null is no complaint. */
function look(text: string, check: () => string | null): Finding {
  try {
    const complaint = check()
    return complaint === null ? ok(text) : warning(complaint)
  } catch (error) {
    return failure(toFailure(error).message)
  }
}

function toText(ms: number): string {
  return `${Math.round(Math.abs(ms) / 1000)} s`
}

function ok(text: string): Finding {
  return { verdict: 'ok', text }
}

function warning(text: string): Finding {
  return { verdict: 'warning', text }
}

function failure(text: string): Finding {
  return { verdict: 'failure', text }
}
