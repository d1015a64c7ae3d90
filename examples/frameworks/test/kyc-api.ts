import { expect } from 'vitest'
import { API_TOKEN } from './stage.js'

/** A status and what its JSON says. */
export interface ApiAnswer {
  readonly status: number
  readonly json: Readonly<Record<string, unknown>>
}

/** The routes of one server, as a service of the house calls them. */
export interface KycApi {
  /** Starts a verification of a user who has none. */
  initiate(): Promise<{ readonly caseId: string; readonly inquiryId: string; readonly sessionToken: string }>
  readCase(caseId: string): Promise<ApiAnswer>
  deliver(delivery: RequestInit): Promise<ApiAnswer>
  /** Stores a reference to a claim, the same for every case. */
  storeClaim(caseId: string): Promise<ApiAnswer>
  eraseCase(caseId: string): Promise<ApiAnswer>
}

/** What {@link KycApi.storeClaim} stores. */
export const CLAIM = { kyc_claim_id: '0xaa', kyc_claim_tx_hash: '0xbb' }

const AUTHORIZED = { authorization: `Bearer ${API_TOKEN}` }
const AUTHORIZED_JSON = { ...AUTHORIZED, 'content-type': 'application/json' }

/** Returns the routes at a URL, which has no slash at the end. The headers are sent with every call. */
export function createKycApi(url: string, headers: Readonly<Record<string, string>> = {}): KycApi {
  const call = (path: string, init: RequestInit) =>
    callJson(`${url}${path}`, { ...init, headers: { ...headers, ...Object.fromEntries(new Headers(init.headers)) } })
  return {
    async initiate() {
      const { status, json } = await call('/compliance/kyc', {
        method: 'POST',
        headers: AUTHORIZED_JSON,
        body: JSON.stringify({ user_id: `user_${crypto.randomUUID()}`, document_type: 'passport' }),
      })
      expect({ status, json }).toMatchObject({ status: 201, json: { status: 'pending' } })
      const { case_id: caseId, persona_inquiry_id: inquiryId, persona_session_token: sessionToken } = json
      return { caseId: String(caseId), inquiryId: String(inquiryId), sessionToken: String(sessionToken) }
    },
    readCase: (caseId) => call(`/compliance/kyc/${caseId}`, { headers: AUTHORIZED }),
    deliver: (delivery) => call('/webhooks/persona/inquiry', delivery),
    storeClaim: (caseId) =>
      call(`/compliance/kyc/${caseId}/claim`, { method: 'PUT', headers: AUTHORIZED_JSON, body: JSON.stringify(CLAIM) }),
    eraseCase: (caseId) => call(`/compliance/kyc/${caseId}`, { method: 'DELETE', headers: AUTHORIZED }),
  }
}

async function callJson(url: string, init: RequestInit): Promise<ApiAnswer> {
  const response = await fetch(url, init)
  return { status: response.status, json: (await response.json()) as ApiAnswer['json'] }
}
