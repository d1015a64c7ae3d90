import { callApi, type Stage, simulate } from '@persona-kyc/example-service'

/** A person of the demo, and what happens to them at Persona. */
export interface Person {
  readonly name: string
  readonly userId: string
  readonly story: string
  /** What the sandbox is told to do. */
  readonly actions: readonly string[]
  readonly issueClaim: boolean
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
  printer.say('The backend starts a verification.')
  const { case_id: caseId, persona_inquiry_id: inquiryId } = await callApi(stage, 'POST', '/compliance/kyc', {
    user_id: person.userId,
    document_type: 'passport',
    personal_info: { name_first: person.name },
  })
  printer.say(person.story)
  await simulate(stage, String(inquiryId), person.actions)
  printer.say('The case now:')
  await callApi(stage, 'GET', `/compliance/kyc/${caseId}`)
  if (person.issueClaim) await issueClaim(stage, String(caseId))
  await showRow(stage, String(caseId), person.issueClaim ? [...COLUMNS, ...CLAIM_COLUMNS] : COLUMNS)
}

/** Stands in for the Identity Service, which will have written this claim on chain. */
async function issueClaim(stage: Stage, caseId: string): Promise<void> {
  stage.printer.say(
    'The Identity Service has issued the claim and stores its reference. (No chain here: the values are made up. ' +
      'With one: npm run demo:identity)',
  )
  const hex = () => `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')}`
  await callApi(stage, 'PUT', `/compliance/kyc/${caseId}/claim`, { kyc_claim_id: hex(), kyc_claim_tx_hash: hex() })
}

async function showRow({ service, printer }: Stage, caseId: string, columns: string[]): Promise<void> {
  const row = await service.knex
    .withSchema('persona_kyc')
    .from('kyc_cases')
    .where({ id: caseId })
    .first(...columns)
  printer.row('persona_kyc.kyc_cases', row)
}
