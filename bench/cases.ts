import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { createCipher } from '@persona-kyc/core'
import type { Knex } from 'knex'
import { type Benchmark, measureBoth, type Rates } from './benchmark.js'
import { addCases, openDatabase, toCaseId } from './database.js'
import { type LoadSource, measureRateOf, toRequest } from './http-load.js'
import { createInquiryAnswer } from './instant-persona.js'
import { type ServerProcess, startServer } from './server-process.js'

/*
 * Whole servers that read and start cases on PostgreSQL: ours against the bare framework with the same statements through
 * `pg`. See bare-cases.ts for what the other side does and leaves out.
 */

/** The bearer token that all of them take. */
export const CASE_TOKEN = 'token-of-the-benchmark-0123456789'

/** The key that all of them seal under. */
export const ENCRYPTION_KEY = { id: 'k1', key: new Uint8Array(32).fill(7) } as const

const CASES = 10_000
const WARM_UP_MS = 3000
/** Each side has so many turns in a round. */
const TURNS = 10
const TURN_MS = 500

interface Work {
  readonly name: string
  readonly status: number
  createRequest(): string
}

const GET_CASE: Work = {
  name: 'GET a case',
  status: 200,
  createRequest: () => createRead(1 + Math.floor(Math.random() * CASES)),
}

const INITIATE: Work = { name: 'POST initiate', status: 201, createRequest: createInitiation }

/** What servers of cases are held against. */
export const caseBenchmarks: readonly Benchmark[] = ['hono', 'express'].flatMap((framework) =>
  [GET_CASE, INITIATE].map((work) => toBenchmark(framework, work)),
)

function toBenchmark(framework: string, work: Work): Benchmark {
  return {
    name: `${work.name}, ${framework} on PostgreSQL, against a bare ${framework} app with the same queries`,
    bound: 0.85,
    async start(log) {
      const database = await openDatabase()
      log(`adding ${CASES} cases`)
      await addCases(database.knex, CASES)
      await addSessionTokens(database.knex)
      const [ours, bare] = await Promise.all([
        startServer('case-server.ts', [framework, 'ours', database.url]),
        startServer('case-server.ts', [framework, 'bare', database.url]),
      ])
      await requireSameAnswers(ours, bare)
      for (const server of [ours, bare]) await measureRateOf(toSource(server, work), WARM_UP_MS)
      return {
        measure: () => measureInTurns(toSource(ours, work), toSource(bare, work)),
        async stop() {
          for (const server of [ours, bare]) server.stop()
          await database.drop()
        },
      }
    },
  }
}

/** Both in short turns, so that what the machine does besides is done to both. */
async function measureInTurns(ours: LoadSource, theirs: LoadSource): Promise<Rates> {
  const rates = { ours: 0, theirs: 0 }
  for (let turn = 0; turn < TURNS; turn++) {
    const measured = await measureBoth(turn, {
      ours: () => measureRateOf(ours, TURN_MS),
      theirs: () => measureRateOf(theirs, TURN_MS),
    })
    rates.ours += measured.ours / TURNS
    rates.theirs += measured.theirs / TURNS
  }
  return rates
}

function toSource({ port }: ServerProcess, { createRequest, status }: Work): LoadSource {
  return { port, create: createRequest, status }
}

function createRead(number: number): string {
  return toRequest('GET', { path: `/compliance/kyc/${toCaseId(number)}`, token: CASE_TOKEN })
}

/** Of somebody else each time. */
function createInitiation(): string {
  return toRequest('POST', { path: '/compliance/kyc', token: CASE_TOKEN }, createInitiationJson())
}

function createInitiationJson(): string {
  return JSON.stringify({
    user_id: `user_${randomUUID()}`,
    document_type: 'passport',
    personal_info: { name_first: 'Alex', name_last: 'Doe', birthdate: '1990-01-01', address_country_code: 'US' },
  })
}

/** Gives each case what a person goes on with, as it is stored. */
async function addSessionTokens(knex: Knex): Promise<void> {
  const { meta } = JSON.parse(await createInquiryAnswer('inq_1')) as { meta: { sessionToken: string } }
  const cipher = createCipher([ENCRYPTION_KEY])
  const ids = Array.from({ length: CASES }, (_, index) => toCaseId(index + 1))
  const sealed = await Promise.all(ids.map((id) => cipher.seal(meta.sessionToken, `${id}.session_token`)))
  await knex.raw(
    `update persona_kyc.kyc_cases c set persona_session_token = given.token
    from unnest(?::text[], ?::text[]) as given(id, token) where c.id = given.id`,
    [ids, sealed],
  )
  await knex.raw('vacuum full analyze persona_kyc.kyc_cases')
}

/** Rejects where the two sides do not do the same. */
async function requireSameAnswers(ours: ServerProcess, bare: ServerProcess): Promise<void> {
  const [our, their] = await Promise.all([ours, bare].map(readCase))
  const isWhole = typeof our?.persona_session_token === 'string'
  if (!isWhole || !isDeepStrictEqual(our, their)) throw new Error('The two sides answer differently about a case.')
  const [made, alsoMade] = (await Promise.all([ours, bare].map(initiate))).map((json) => Object.keys(json).sort())
  if (!isDeepStrictEqual(made, alsoMade)) throw new Error('The two sides answer differently to an initiation.')
}

const headers = { authorization: `Bearer ${CASE_TOKEN}`, 'content-type': 'application/json' }

async function readCase({ port }: ServerProcess): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${port}/compliance/kyc/${toCaseId(1)}`, { headers })
  return (await response.json()) as Record<string, unknown>
}

async function initiate({ port }: ServerProcess): Promise<object> {
  const request = { method: 'POST', headers, body: createInitiationJson() }
  const response = await fetch(`http://127.0.0.1:${port}/compliance/kyc`, request)
  return (await response.json()) as object
}
