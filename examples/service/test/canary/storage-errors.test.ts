import type { KycStorage, SealedText } from '@persona-kyc/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CANARIES, DOCUMENT_DATA, EVERYTHING, findCanaries, PERSONAL_INFO } from './canaries.js'
import { ADAPTERS } from './canary-adapters.js'
import { toJson, withWorld } from './canary-world.js'
import { captureOutput } from './output-capture.js'
import { SQL_STATES, STORAGE_PROVOCATIONS } from './storage-provocations.js'
import { createTellingDatabase, type TellingDatabase, toRefusedType } from './telling-database.js'
import { toVisibleText } from './visible-text.js'

let database: TellingDatabase
beforeAll(async () => {
  database = await createTellingDatabase()
})
afterAll(() => database?.close())

const initiate = (documentType: string) => ({
  body: {
    user_id: CANARIES.userId,
    document_type: documentType,
    document_data: DOCUMENT_DATA,
    personal_info: PERSONAL_INFO,
  },
  headers: { 'idempotency-key': CANARIES.idempotencyKey },
})

const SEALED = EVERYTHING as SealedText
const NEW_CASE = {
  id: CANARIES.pathSegment,
  userId: CANARIES.userId,
  sealedPersonalData: SEALED,
  idempotencyKey: CANARIES.idempotencyKey,
  createdAt: new Date(),
  initiatingUntil: new Date(),
}
const CLAIM = { kycClaimId: CANARIES.comment, kycClaimTxHash: CANARIES.signature, now: new Date() }
const AUDIT = { action: EVERYTHING, caseId: CANARIES.pathSegment, decidedAt: new Date(), route: EVERYTHING } as const

/** Calls that reach PostgreSQL with canaries. */
const CALLS: Readonly<Record<string, (storage: KycStorage) => Promise<unknown>>> = {
  appendAudit: (storage) =>
    storage.appendAudit({ ...AUDIT, id: CANARIES.sessionId, principal: CANARIES.userId, verdict: 'allowed' }),
  createCase: (storage) => storage.createCase({ ...NEW_CASE, documentType: CANARIES.name }),
  getCase: (storage) => storage.getCase(EVERYTHING),
  listCases: (storage) => storage.listCases({ after: null, claim: null, limit: 5, status: EVERYTHING as never }),
  ping: (storage) => storage.ping(),
  setClaim: (storage) => storage.setClaim(CANARIES.pathSegment, CLAIM),
}

const fail = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => Promise.reject(new Error('The call does not fail.')),
    (error: unknown) => error,
  )

/** What can be seen of the error, and of what was written meanwhile. */
async function look(call: () => Promise<unknown>): Promise<{ error: unknown; seen: string[] }> {
  const output = captureOutput(toVisibleText)
  try {
    const error = await fail(call())
    const { console, stdout, stderr } = output
    return { error, seen: findCanaries([toVisibleText(error), ...console, ...stdout, ...stderr].join('\n')) }
  } finally {
    output.end()
  }
}

describe('an error of PostgreSQL', () => {
  it.each(Object.entries(SQL_STATES).flatMap(([code, states]) => states.map((state) => [code, state] as const)))(
    'is %s after %s, without the row that PostgreSQL tells',
    async (code, state) => {
      const documentType = toRefusedType(state)
      const { error, seen } = await look(() => database.storage.createCase({ ...NEW_CASE, documentType }))
      expect(error).toMatchObject({ name: 'StorageError', code })
      expect(seen).toEqual([])
    },
  )

  it.each(Object.entries(CALLS))(
    'shows no canary where nobody is there, or the password is wrong: %s',
    async (_, call) => {
      for (const [name, code] of [
        ['absent', 'storage_unavailable'],
        ['locked', 'storage_failed'],
      ] as const) {
        const { error, seen } = await look(() => call(database[name]))
        expect(error).toMatchObject({ name: 'StorageError', code })
        expect(seen).toEqual([])
      }
    },
  )
})

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))('%s on PostgreSQL', (_, adapter) => {
  it.each(STORAGE_PROVOCATIONS.map((provocation) => [provocation.code, provocation.name, provocation] as const))(
    'answers %s without a canary when %s',
    async (code, __, { documentType, storage }) => {
      await withWorld(adapter, { engine: { storage: database[storage] } }, async ({ ask, findLeaks }) => {
        expect(toJson(await ask('POST', '/compliance/kyc', initiate(documentType)))).toMatchObject({ code })
        await ask('GET', '/webhooks/persona/health')
        expect(await findLeaks()).toEqual([])
      })
    },
  )

  it('stores no canary in clear while a case lives', async () => {
    await withWorld(
      adapter,
      { engine: { storage: database.storage } },
      async ({ ask, createCase, findLeaks, move }) => {
        const { caseId, inquiryId } = await createCase()
        const dump = await database.dump()
        expect(dump).toContain('v1.nest.')
        expect(findCanaries(dump)).toEqual(['userId as plain'])
        await move(inquiryId, 'approved')
        await ask('POST', `/compliance/kyc/${caseId}/decline`, { body: { comment: CANARIES.comment } })
        expect(await findLeaks()).toEqual([])
        await ask('DELETE', `/compliance/kyc/${caseId}`)
        expect(findCanaries(await database.dump())).toEqual(['userId as plain'])
      },
    )
  })
})
