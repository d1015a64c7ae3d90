import type { PersonaResource } from './events.js'

/** What a simulated verification needs. */
export interface NewVerification {
  readonly id: string
  readonly inquiryId: string
  readonly templateId: string
  readonly passed: boolean
  readonly createdAt: string
}

/** Returns a government ID verification as simulate actions create it, in kebab-case, without personal data. */
export function toVerification({ id, inquiryId, templateId, passed, createdAt }: NewVerification): PersonaResource {
  const status = passed ? 'passed' : 'failed'
  const seconds = Math.floor(Date.parse(createdAt) / 1000)
  return {
    type: 'verification/government-id',
    id,
    attributes: {
      status,
      'created-at': createdAt,
      'created-at-ts': seconds,
      'submitted-at': createdAt,
      'submitted-at-ts': seconds,
      'completed-at': createdAt,
      'completed-at-ts': seconds,
      'redacted-at': null,
      'country-code': 'US',
      tags: [],
      checks: [{ name: 'id_expired_detection', status, reasons: [], requirement: 'required', metadata: {} }],
    },
    relationships: {
      inquiry: { data: { type: 'inquiry', id: inquiryId } },
      'verification-template': { data: { type: 'verification-template/government-id', id: templateId } },
    },
  }
}
