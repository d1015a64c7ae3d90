import { createPersonaClient } from '@persona-kyc/core'
import type { Service } from '@persona-kyc/example-service'
import type { FakePersonaServer } from '@persona-kyc/testing'
import type { Printer } from './printer.js'

/** A person of the demo, and what happens to them at Persona. */
export interface Person {
  readonly name: string
  readonly userId: string
  readonly story: string
  /** What the sandbox is told to do: see inquiries.performSimulateActions. */
  readonly actions: readonly string[]
  readonly issueClaim: boolean
}

/** Where the demo's server is, and what it shares with it. */
export interface Stage {
  readonly url: string
  readonly apiToken: string
  readonly webhookSecret: string
  readonly service: Service
  readonly persona: FakePersonaServer
  readonly printer: Printer
}

const COLUMNS = [
  'id',
  'user_id',
  'status',
  'verification_score',
  'persona_status',
  'persona_inquiry_id',
  'personal_data',
]
const CLAIM_COLUMNS = ['kyc_claim_id', 'kyc_claim_tx_hash']

/** Takes one person from the first request to a decided case. Every step is a real HTTP request. */
export async function walk(stage: Stage, person: Person): Promise<void> {
  const { printer } = stage
  subscribe(stage)
  printer.say('The backend starts a verification.')
  const { case_id: caseId, persona_inquiry_id: inquiryId } = await call(stage, 'POST', '/compliance/kyc', {
    user_id: person.userId,
    document_type: 'passport',
    personal_info: { name_first: person.name },
  })
  printer.say(person.story)
  const client = createPersonaClient({ apiKey: stage.persona.fake.apiKey, baseUrl: stage.persona.baseUrl })
  await client.inquiries.performSimulateActions(
    String(inquiryId),
    person.actions.map((type) => ({ type })),
  )
  await stage.persona.fake.webhooks.deliverAll()
  printer.say('The case now:')
  await call(stage, 'GET', `/compliance/kyc/${caseId}`)
  if (person.issueClaim) await issueClaim(stage, String(caseId))
  await showRow(stage, String(caseId), person.issueClaim ? [...COLUMNS, ...CLAIM_COLUMNS] : COLUMNS)
}

/** Sends a request with the token of the compliance routes, and prints it with its answer. */
async function call(
  { url, apiToken, printer }: Stage,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  printer.request(method, path, body)
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const json = (await response.json()) as Record<string, unknown>
  printer.answer(response.status, json)
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}.`)
  return json
}

/** Has the fake Persona deliver what happens as signed webhooks over HTTP, each printed with its answer. */
function subscribe({ url, webhookSecret, persona, printer }: Stage): void {
  persona.fake.webhooks.subscribe({
    url: `${url}/webhooks/persona/inquiry`,
    secrets: webhookSecret,
    async fetch(request) {
      const { data } = (await request.clone().json()) as { data: { id: string; attributes: { name: string } } }
      const response = await fetch(request)
      const { outcome } = (await response.clone().json()) as { outcome: string }
      printer.webhook({
        name: data.attributes.name,
        eventId: data.id,
        signature: request.headers.get('persona-signature') ?? '',
        status: response.status,
        outcome,
      })
      return response
    },
  })
}

/** Stands in for the Identity Service, which will have written this claim on chain. */
async function issueClaim(stage: Stage, caseId: string): Promise<void> {
  stage.printer.say(
    'The Identity Service has issued the claim and stores its reference. (No chain here: the values are made up.)',
  )
  const hex = () => `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')}`
  await call(stage, 'PUT', `/compliance/kyc/${caseId}/claim`, { kyc_claim_id: hex(), kyc_claim_tx_hash: hex() })
}

async function showRow({ service, printer }: Stage, caseId: string, columns: string[]): Promise<void> {
  const row = await service.knex
    .withSchema('persona_kyc')
    .from('kyc_cases')
    .where({ id: caseId })
    .first(...columns)
  printer.row('persona_kyc.kyc_cases', row)
}
