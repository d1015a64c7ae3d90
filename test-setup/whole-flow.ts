import { expect } from 'vitest'
import { AUTHORIZED, createDelivery, INITIATION } from './kyc-fixture.js'

const HEADERS = { 'content-type': 'application/json', ...AUTHORIZED }

/** Calls a path of an app. */
export type Call = (path: string, init?: RequestInit) => Response | Promise<Response>

/** Takes a case from its initiation over the signed webhook to its claim, by the routes of an adapter under `/api`. */
export async function expectWholeFlow(call: Call): Promise<void> {
  const cases = '/api/compliance/kyc'

  const created = await call(cases, { method: 'POST', headers: HEADERS, body: INITIATION })
  expect(created.status).toBe(201)
  const { case_id, status } = await created.json()
  expect(status).toBe('pending')

  const webhook = await call('/api/webhooks/persona/inquiry', await createDelivery({ caseId: case_id }))
  expect(await webhook.json()).toEqual({ received: true, outcome: 'applied' })

  const read = await call(`${cases}/${case_id}`, { headers: AUTHORIZED })
  expect(read.headers.get('content-type')).toBe('application/json')
  expect(read.headers.get('cache-control')).toBe('no-store')
  expect(await read.json()).toMatchObject({ case_id, status: 'verified', verification_score: 1 })

  const body = JSON.stringify({ kyc_claim_id: '0xabc', kyc_claim_tx_hash: '0xdef' })
  const claimed = await call(`${cases}/${case_id}/claim`, { method: 'PUT', headers: HEADERS, body })
  expect(await claimed.json()).toMatchObject({ kyc_claim_id: '0xabc', kyc_claim_tx_hash: '0xdef' })
}
