import { expect } from 'vitest'
import { AUTHORIZED, createDelivery, INITIATION } from './kyc-fixture.js'

const HEADERS = { 'content-type': 'application/json', ...AUTHORIZED }

/** Calls a path of an app. */
export type Call = (path: string, init?: RequestInit) => Response | Promise<Response>

/** Takes a case from its initiation over the signed webhook to its claim and another one, by the routes of an adapter under `/api`. */
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

  const claim = { kyc_claim_id: '0xabc', kyc_claim_tx_hash: '0xdef' }
  const put = (body: object) =>
    call(`${cases}/${case_id}/claim`, { method: 'PUT', headers: HEADERS, body: JSON.stringify(body) })
  expect(await (await put(claim)).json()).toMatchObject(claim)

  const path = `${cases}/${case_id}/claim?${new URLSearchParams(claim)}`
  const cleared = await call(path, { method: 'DELETE', headers: AUTHORIZED })
  expect(cleared.status).toBe(200)
  expect(await cleared.json()).toMatchObject({ case_id, kyc_claim_id: null, kyc_claim_tx_hash: null })

  const other = { kyc_claim_id: '0x123', kyc_claim_tx_hash: '0x456' }
  expect(await (await put(other)).json()).toMatchObject({ status: 'verified', ...other })
}
