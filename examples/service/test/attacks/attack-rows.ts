import { createInquiryEvent } from '@persona-kyc/testing'
import { createDescriptionRoutes } from '../../../../packages/core/src/description-routes.js'
import { ROUTES, type Route } from '../../../../packages/core/src/routes.js'
import { DOCUMENT, NO_CASE, PERSON, type Stage, type StagedCase } from './attack-stage.js'

/** All routes under attack: those of the library, and those that describe them. */
export const ATTACKED_ROUTES: readonly Route[] = [...ROUTES, ...createDescriptionRoutes('authorized')]

/** What is put into a body in place of what is right there. */
export interface Texts {
  readonly text?: string
  readonly inner?: string
}

/** The request of a route as an attack finds it. */
export interface Sample {
  /** The case in the path; null where there is none. */
  readonly caseId: string | null
  /** Without `?`; empty where there is none. */
  readonly query: string
  /**
   * The JSON of the body; null where the route takes none. `text` stands for a member that the route checks, `inner` for
   * one within an object of the caller's own, where the route takes such an object.
   */
  readonly json: ((texts: Texts) => Readonly<Record<string, unknown>>) | null
  /** Headers of the route's own. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** A route, and what is sent to it. */
export interface Row {
  readonly name: string
  readonly route: Route
  /** A request that would take effect: sent where the attack must be refused. */
  readonly effective: Sample
  /** A request that is served, and changes nothing: sent where the attack must be ignored. */
  readonly harmless: Sample
  /** What the harmless request asks of Persona. */
  readonly asksPersona: readonly string[]
  /** A case that is pending, and nobody's of those who may see some cases only. */
  readonly pendingCaseId: string
}

/** The names of the rows, as the table calls them. */
export const ROW_NAMES: Readonly<Record<string, string>> = {
  'POST /compliance/kyc': 'new',
  'GET /compliance/kyc': 'list',
  'GET /compliance/kyc/:case_id': 'read',
  'PUT /compliance/kyc/:case_id/claim': 'put',
  'DELETE /compliance/kyc/:case_id/claim': 'clr',
  'POST /compliance/kyc/:case_id/resume': 'res',
  'POST /compliance/kyc/:case_id/approve': 'appr',
  'POST /compliance/kyc/:case_id/decline': 'decl',
  'POST /compliance/kyc/:case_id/mark-for-review': 'mark',
  'GET /compliance/kyc/:case_id/events': 'hist',
  'GET /compliance/events': 'feed',
  'GET /compliance/audit': 'aud',
  'DELETE /compliance/kyc/:case_id': 'eras',
  'POST /webhooks/persona/inquiry': 'hook',
  'GET /webhooks/persona/health': 'hlth',
  'GET /compliance/openapi.json': 'desc',
  'GET /compliance/docs': 'page',
}

/** The name of a route in the audit trail. */
export function toRouteName({ method, path }: Pick<Route, 'method' | 'path'>): string {
  return `${method} ${path}`
}

type Samples = Pick<Row, 'effective' | 'harmless'> & { readonly asksPersona?: readonly string[] }

/** Makes the cases that the attacks aim at, and the rows. */
export async function createRows(stage: Stage): Promise<readonly Row[]> {
  const samples = await createSamples(stage)
  const { id: pendingCaseId } = await stage.createCase()
  return ATTACKED_ROUTES.map((route) => {
    const name = ROW_NAMES[toRouteName(route)]
    const found = name === undefined ? undefined : samples[name]
    if (name === undefined || found === undefined) throw new Error(`Nothing attacks ${toRouteName(route)}.`)
    return { name, route, asksPersona: [], pendingCaseId, ...found }
  })
}

const CLAIM = { kyc_claim_id: '0xc1a1', kyc_claim_tx_hash: '0x7a' }
const CLAIM_QUERY = new URLSearchParams(CLAIM).toString()

function toSample(sample: Partial<Sample> & { readonly of?: StagedCase }): Sample {
  const { of, ...given } = sample
  return { caseId: of?.id ?? null, query: '', json: null, headers: [], ...given }
}

/** One sample for both: it reads, and so it changes nothing. */
function toReading(sample: Sample): Samples {
  return { effective: sample, harmless: sample }
}

async function createSamples(stage: Stage): Promise<Readonly<Record<string, Samples>>> {
  const verified = await stage.createCase('approved')
  const claimed = await stage.createCase('approved')
  await stage.engine.updateClaim(claimed.id, {
    kycClaimId: CLAIM.kyc_claim_id,
    kycClaimTxHash: CLAIM.kyc_claim_tx_hash,
  })
  const inReview = await stage.createCase('needs_review')
  const cutOff = await stage.createCaseWithoutInquiry()
  const erased = await stage.createCase('approved')
  await stage.engine.eraseCase(erased.id)
  const decide = async () => toDecision(await stage.createCase(), cutOff)
  return {
    new: {
      effective: toInitiation('user_canary_new'),
      harmless: toInitiation(inReview.userId),
    },
    list: toReading(toSample({ query: 'limit=1' })),
    read: { effective: toSample({ of: await stage.createCase() }), harmless: toSample({ of: verified }) },
    put: { effective: toClaim(verified), harmless: toClaim(claimed) },
    clr: {
      effective: toSample({ of: claimed, query: CLAIM_QUERY }),
      harmless: toSample({ of: verified, query: CLAIM_QUERY }),
    },
    res: { effective: toSample({ of: await stage.createCase() }), harmless: toSample({ of: verified }) },
    appr: await decide(),
    decl: await decide(),
    mark: await decide(),
    hist: toReading(toSample({ of: verified, query: 'limit=1' })),
    feed: toReading(toSample({ query: 'limit=1' })),
    aud: toReading(toSample({ query: `case_id=${NO_CASE}` })),
    eras: {
      effective: toSample({ of: await stage.createCase() }),
      harmless: toSample({ of: erased }),
      asksPersona: ['GET /inquiries'],
    },
    hook: {
      effective: toWebhook(await stage.createCase(), stage.nowMs, 'inquiry.approved'),
      harmless: await createDuplicate(stage),
    },
    hlth: toReading(toSample({})),
    desc: toReading(toSample({})),
    page: toReading(toSample({})),
  }
}

function toInitiation(userId: string): Sample {
  return toSample({
    headers: [['Idempotency-Key', 'key-canary-1']],
    json: ({ text = userId, inner = 'a note' }) => ({
      user_id: text,
      document_type: 'passport',
      document_data: { ...DOCUMENT, note: inner },
      personal_info: PERSON,
    }),
  })
}

function toClaim(of: StagedCase): Sample {
  return toSample({ of, json: ({ text = CLAIM.kyc_claim_id }) => ({ ...CLAIM, kyc_claim_id: text }) })
}

function toDecision(effective: StagedCase, cutOff: StagedCase): Samples {
  const json = ({ text = 'a comment' }: Texts) => ({ comment: text })
  return { effective: toSample({ of: effective, json }), harmless: toSample({ of: cutOff, json }) }
}

function toWebhook({ inquiryId, id }: StagedCase, nowMs: number, name: string): Sample {
  return toSample({
    json: ({ text = name, inner = 'a note' }) => ({
      ...createInquiryEvent({
        name: text,
        inquiryId,
        referenceId: id,
        status: name === 'inquiry.approved' ? 'approved' : 'pending',
        createdAt: nowMs,
        eventId: `evt_${inquiryId}`,
        fields: { note: inner, 'name-first': PERSON.name_first },
      }),
    }),
  })
}

/** A webhook that has been here before. */
async function createDuplicate(stage: Stage): Promise<Sample> {
  const sample = toWebhook(await stage.createCase(), stage.nowMs - 1000, 'inquiry.started')
  const body = Buffer.from(JSON.stringify(sample.json?.({})))
  await stage.engine.processWebhook({ body, signature: stage.sign(body) })
  return sample
}
