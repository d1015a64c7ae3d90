import {
  createBearerAuthorize,
  createKycEngine,
  createMemoryStorage,
  type Inquiry,
  type KycHandlerOptions,
  type PersonaClient,
  signWebhook,
} from '@persona-kyc/core'
import { vi } from 'vitest'

const SECRETS = ['wbhsec_new', 'wbhsec_old']
const TOKEN = 'a-token-of-this-test'

/** Sent with every request to the compliance routes. */
export const AUTHORIZED = { authorization: `Bearer ${TOKEN}` }

/** A body for `POST /compliance/kyc`. */
export const INITIATION = JSON.stringify({ user_id: 'user-1', document_type: 'passport' })

/** A request as tests send it. */
export interface Delivery {
  readonly method: 'POST'
  readonly headers: Record<string, string>
  readonly body: Uint8Array<ArrayBuffer>
}

/** The options of an adapter, on a memory storage and a client that reaches nobody, and the log. */
export function createFixture(options: Partial<KycHandlerOptions> = {}) {
  const log: string[] = []
  const write = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`)
  const engine = createKycEngine({
    persona: createPersonaStub(),
    storage: createMemoryStorage(),
    templateId: 'itmpl_1',
    webhookSecrets: SECRETS,
  })
  return {
    log,
    options: {
      engine,
      authorize: createBearerAuthorize({ tokens: TOKEN }),
      logger: { debug: write, info: write, warn: write, error: write },
      ...options,
    } satisfies KycHandlerOptions,
  }
}

/** A signed webhook about the inquiry that the client's stub makes for a case. */
export async function createDelivery({ caseId = 'unknown', contentType = 'application/json' } = {}): Promise<Delivery> {
  // Serialised once more, this is another text: the spaces, the escape and the number would not come back.
  const text = `{ "data": { "type": "event", "id": "evt_${crypto.randomUUID()}", "attributes": { "name": "inquiry.completed",
    "created-at": "2030-01-01T00:00:00.000Z", "note": "caf\\u00e9 ü", "score": 1.0, "payload": { "data": { "type": "inquiry",
    "id": "inq_${caseId}", "attributes": { "status": "completed" } } } } } }`
  const body = new TextEncoder().encode(text)
  const signature = await signWebhook({ body, secrets: 'wbhsec_new' })
  return { method: 'POST', headers: { 'content-type': contentType, 'persona-signature': signature }, body }
}

function createPersonaStub(): PersonaClient {
  const refuse = () => Promise.reject(new Error('Nobody expected this call.'))
  const refuseList = () => {
    throw new Error('Nobody expected this call.')
  }
  const resume = async (id: string) => ({ inquiry: createInquiry(id, 'pending'), sessionToken: 'session-2' })
  return {
    environment: 'sandbox',
    health: async () => ({ status: 'ok', latencyMs: 1 }),
    rateLimits: () => ({ rate: null, quota: null }),
    clockSkewMs: () => null,
    events: { list: refuseList, listPage: refuse, retrieve: refuse },
    webhooks: { list: refuseList },
    inquiries: {
      create: vi.fn(async ({ referenceId = '' }) => ({
        inquiry: createInquiry(`inq_${referenceId}`, 'created'),
        sessionToken: 'session-1',
      })),
      resume: vi.fn(resume),
      approve: vi.fn(async (id: string) => createInquiry(id, 'approved')),
      retrieve: refuse,
      list: refuseList,
      listPage: refuse,
      update: refuse,
      decline: refuse,
      markForReview: refuse,
      expire: refuse,
      createOneTimeLink: refuse,
      redact: refuse,
      performSimulateActions: refuse,
    },
  }
}

function createInquiry(id: string, status: string): Inquiry {
  const now = new Date().toISOString()
  const attributes = { status, referenceId: null, createdAt: now, updatedAt: now, redactedAt: null, fields: {} }
  return { id, attributes, relationships: {} }
}
