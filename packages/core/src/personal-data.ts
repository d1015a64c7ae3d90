import type { Cipher } from './cipher.js'
import type { JsonObject } from './inflection.js'
import type { KycCase, SealedText } from './storage.js'

/** What an app may tell of the person. */
export interface PersonalData {
  readonly documentData?: JsonObject | undefined
  readonly personalInfo?: JsonObject | undefined
}

/** What an app says when it starts a verification. */
export interface InquiryInput extends PersonalData {
  /** Your own word for it, such as `passport`. */
  readonly documentType: string
}

/** Seals what the app gave for the case of that id; null where there is nothing, or no key to seal it under. */
export async function sealPersonalData(
  { cipher }: { readonly cipher: Cipher | null },
  caseId: string,
  { documentData, personalInfo }: PersonalData,
): Promise<SealedText | null> {
  if (cipher === null || (documentData === undefined && personalInfo === undefined)) return null
  return cipher.seal(JSON.stringify({ documentData, personalInfo }), toContext(caseId))
}

/** What the app gave of the person; null where it was not stored, is erased, or its key is gone. */
export async function openPersonalData(
  { cipher }: { readonly cipher: Cipher | null },
  kycCase: KycCase,
): Promise<PersonalData | null> {
  if (cipher === null || kycCase.sealedPersonalData === null) return null
  const text = await cipher.open(kycCase.sealedPersonalData, toContext(kycCase.id))
  return text === null ? null : (JSON.parse(text) as PersonalData)
}

function toContext(caseId: string): string {
  return `${caseId}.personal_data`
}
