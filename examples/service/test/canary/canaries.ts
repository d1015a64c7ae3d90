import { createFormFinder } from './canary-forms.js'

/** What is planted, by what it stands for. None of it is part of another, of a word of ours, or of a path of these files. */
export const CANARIES = {
  accountEmail: 'zq.ada+kyc@nest.example',
  apiKey: 'persona_sandbox_zq01ApiKeyNest',
  bearerToken: 'zq02-bearer-token-of-the-operator',
  birthdate: '1911-03-17',
  clientAddress: '203.0.113.171',
  comment: 'Zq03 looked like his own brother',
  cookie: 'zq04sessioncookienest',
  databasePassword: 'zq05DatabasePasswordNest',
  documentNumber: 'ZQ06-C01X00T47',
  encryptionKey: Buffer.from('zq07-encryption-key-of-the-nest!').toString('base64'),
  fieldName: 'Zq08 Prefilled-Ada',
  fieldNumber: 'ZQ09-SSN-078051120',
  idempotencyKey: 'zq10-idempotency-key-of-a-caller',
  jwtSubject: 'zq11-subject-of-a-token',
  name: 'Zq12 Adelheid',
  oneTimeLink: 'https://withpersona.example/verify?code=zq13OneTimeLinkNest',
  pathSegment: 'zq14-segment-of-a-path',
  phone: '+49-1555-0174711',
  queryValue: 'zq15-value-in-a-query',
  rpcKey: 'zq16RpcProviderKeyNest',
  sessionId: 'zq17SessionTokenNest',
  signature: '5ca1ab1e0ddba11c0ffee5ca1ab1e0ddba11c0ffee5ca1ab1e0ddba11c0ffee9',
  signerKey: '0b5e55ed0b5e55ed0b5e55ed0b5e55ed0b5e55ed0b5e55ed0b5e55ed0b5e55e1',
  // Each way of writing text writes this in its own.
  street: 'Zq18 Kötterweg 9 "Süd" <b> & \\/',
  userAgent: 'Zq19Browser/1.0',
  userId: 'user-zq20-of-the-app',
  webhookSecret: 'wbhsec_zq21WebhookSecretNest',
  wrongToken: 'zq22-bearer-token-of-nobody',
} as const

/** The name of a canary. */
export type CanaryName = keyof typeof CANARIES

/** What a search looks for, by its name. */
export type Needles = Readonly<Record<string, string>>

/** What an app tells of a person. */
export const PERSONAL_INFO = {
  name: CANARIES.name,
  birthdate: CANARIES.birthdate,
  contact: [{ email: CANARIES.accountEmail, phone: CANARIES.phone }],
  address: { street: CANARIES.street },
}

/** What an app tells of a document. */
export const DOCUMENT_DATA = { number: CANARIES.documentNumber }

/** What Persona tells of a person. */
export const FIELDS = { 'name-first': CANARIES.fieldName, 'identification-number': CANARIES.fieldNumber }

/** All canaries in one text. */
export const EVERYTHING = Object.values(CANARIES).join(' | ')

/** Returns which of the needles a text holds, each in the first of the forms that it is there in: `name as form`. */
export function findCanaries(text: string, needles: Needles = CANARIES): string[] {
  const find = createFormFinder(text)
  return Object.entries(needles).flatMap(([name, value]) => {
    const form = find(value)
    return form === null ? [] : [`${name} as ${form}`]
  })
}

/** The canaries without those of these names. */
export function allCanariesBut(...names: readonly CanaryName[]): Needles {
  return Object.fromEntries(Object.entries(CANARIES).filter(([name]) => !names.some((other) => other === name)))
}
