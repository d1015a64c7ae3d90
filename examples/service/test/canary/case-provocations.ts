import { createMemoryStorage, type KycStorage } from '@persona-kyc/core'
import { CANARIES, EVERYTHING } from './canaries.js'
import type { World } from './canary-world.js'
import type { Provocation } from './provocation.js'

const toPath = (caseId: unknown) => `/compliance/kyc/${caseId}`
const COMMENT = { comment: CANARIES.comment }
const toClaim = (id: string) => ({ kyc_claim_id: id, kyc_claim_tx_hash: '0x2' })

/** A storage that breaks its contract: it fails with an error that is not ours, and says all that it knows. */
function createBrokenStorage(): KycStorage {
  const fail = () => Promise.reject(Object.assign(new Error(EVERYTHING, { cause: EVERYTHING }), { detail: EVERYTHING }))
  return { ...createMemoryStorage(), createCase: fail, getCase: fail, listCases: fail, ping: fail }
}

/** Starts a verification of which Persona makes no inquiry, and resolves with the id of the case. */
async function createCutOffCase({ persona, initiate, engine }: World): Promise<string | undefined> {
  persona.failNext(500)
  await initiate()
  const { items } = await engine.listCases()
  return items[0]?.id
}

/** What cannot be done with a case. */
export const CASE_PROVOCATIONS: readonly Provocation[] = [
  {
    code: 'case_erased',
    name: 'a case that was erased is resumed',
    error: 'case_erased',
    async play({ ask, createCase }) {
      const { caseId } = await createCase()
      await ask('DELETE', toPath(caseId))
      return ask('POST', `${toPath(caseId)}/resume`)
    },
  },
  ...(['GET', 'DELETE'] as const).map((method) => ({
    code: 'case_not_found',
    name: `${method} of a case that there is not`,
    error: 'case_not_found' as const,
    play: ({ ask }: World) => ask(method, `${toPath(CANARIES.pathSegment)}`),
  })),
  {
    code: 'case_not_found',
    name: 'a decision on a case that there is not',
    error: 'case_not_found',
    play: ({ ask }) => ask('POST', `${toPath(encodeURIComponent(CANARIES.accountEmail))}/approve`, { body: COMMENT }),
  },
  {
    code: 'case_not_found',
    name: 'the case of somebody else',
    options: () => ({
      handler: {
        authorize: ({ action }) =>
          action === 'kyc:initiate' ? { principal: 'app' } : { cases: 'own', principal: 'other', userId: 'other' },
      },
    }),
    async play({ ask, createCase }) {
      const { caseId } = await createCase()
      return ask('GET', toPath(caseId))
    },
  },
  {
    code: 'case_not_resumable',
    name: 'a case that is decided is resumed',
    error: 'case_not_resumable',
    async play({ ask, createCase, move }) {
      const { caseId, inquiryId } = await createCase()
      await move(inquiryId, 'approved')
      return ask('POST', `${toPath(caseId)}/resume`)
    },
  },
  {
    code: 'case_not_verified',
    name: 'a claim for a case that is pending',
    error: 'case_not_verified',
    async play({ ask, createCase }) {
      const { caseId } = await createCase()
      return ask('PUT', `${toPath(caseId)}/claim`, { body: toClaim('0x1') })
    },
  },
  {
    code: 'case_without_inquiry',
    name: 'a decision on a case whose start was cut off',
    error: 'case_without_inquiry',
    async play(world) {
      const caseId = await createCutOffCase(world)
      return world.ask('POST', `${toPath(caseId)}/decline`, { body: COMMENT })
    },
  },
  {
    code: 'claim_conflict',
    name: 'another claim for a case that has one',
    error: 'claim_conflict',
    async play({ ask, createCase, move }) {
      const { caseId, inquiryId } = await createCase()
      await move(inquiryId, 'approved')
      await ask('PUT', `${toPath(caseId)}/claim`, { body: toClaim('0x1') })
      return ask('PUT', `${toPath(caseId)}/claim`, { body: toClaim('0x3') })
    },
  },
  {
    code: 'initiation_in_progress',
    name: 'Persona says that the same start is under way',
    error: 'initiation_in_progress',
    async play({ persona, initiate }) {
      persona.failNext(409)
      return initiate()
    },
  },
  {
    code: 'initiation_in_progress',
    name: 'a case is erased while its inquiry is being created',
    error: 'initiation_in_progress',
    async play({ ask, engine, persona, initiate }) {
      const asked = persona.failNext('waiting')
      const started = initiate()
      await asked
      const { items } = await engine.listCases()
      const erased = await ask('DELETE', toPath(items[0]?.id))
      persona.letPass()
      await started
      return erased
    },
  },
  {
    code: 'internal_error',
    name: 'a storage that breaks its contract when a case is stored',
    options: () => ({ engine: { storage: createBrokenStorage() } }),
    play: ({ initiate }) => initiate(),
  },
  {
    code: 'internal_error',
    name: 'a storage that breaks its contract when cases are read',
    options: () => ({ engine: { storage: createBrokenStorage() } }),
    async play({ ask }) {
      await ask('GET', '/webhooks/persona/health')
      await ask('GET', toPath(CANARIES.pathSegment))
      return ask('GET', '/compliance/kyc')
    },
  },
]
