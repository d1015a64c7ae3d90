import { randomUUID } from 'node:crypto'
import { createFakePersona } from '@persona-kyc/testing'

/** Returns what Persona answers to the creation of an inquiry of that id, with a session, in camelCase. */
export async function createInquiryAnswer(inquiryId: string): Promise<string> {
  const { apiKey, fetch } = createFakePersona()
  const answer = await fetch('https://api.withpersona.com/api/v1/inquiries', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      'key-inflection': 'camel',
      'persona-version': '2025-12-08',
    },
    body: JSON.stringify({
      data: { attributes: { 'inquiry-template-id': 'itmpl_bench', 'reference-id': randomUUID() } },
      meta: { 'auto-create-account-reference-id': 'user_bench', 'auto-create-inquiry-session': true },
    }),
  })
  const text = await answer.text()
  const { data } = JSON.parse(text) as { data: { id: string } }
  return text.replaceAll(data.id, inquiryId)
}

/** Returns a `fetch` that answers each call at once as Persona does when it has created an inquiry: another one each time. */
export async function createInstantPersona(): Promise<typeof globalThis.fetch> {
  const [before = '', ...after] = (await createInquiryAnswer('inq_placeholder')).split('inq_placeholder')
  return async () => {
    const text = [before, ...after].join(`inq_${randomUUID()}`)
    return new Response(text, { status: 201, headers: { 'content-type': 'application/json' } })
  }
}
