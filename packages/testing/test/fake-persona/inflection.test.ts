import { expect, it } from 'vitest'
import { createFakeWithClient } from './client.js'

const fields = { 'name-first': 'Ada', selected_country_code: 'US', taxId: '1' }

it.each([
  ['kebab', { 'reference-id': 'u', 'created-at': expect.any(String) }, 'inquiry-template', 'session-token'],
  ['camel', { referenceId: 'u', createdAt: expect.any(String) }, 'inquiryTemplate', 'sessionToken'],
  ['snake', { reference_id: 'u', created_at: expect.any(String) }, 'inquiry_template', 'session_token'],
])('answers in %s-case and leaves the keys of fields alone', async (inflection, attributes, relationship, meta) => {
  const { call } = createFakeWithClient()
  const body = { data: { attributes: { 'inquiry-template-id': 'itmpl_1', 'reference-id': 'u', fields } } }
  const headers = { 'Key-Inflection': inflection }
  const answer = await call('POST', '/inquiries', { body, headers })
  expect(answer.body.data.attributes).toMatchObject(attributes)
  expect(Object.keys(answer.body.data.attributes.fields ?? {})).toEqual(Object.keys(fields))
  expect(answer.body.data.relationships[relationship]?.data).toEqual({ type: 'inquiry-template', id: 'itmpl_1' })
  expect(answer.body.meta).toHaveProperty(meta)
})

it.each([
  { data: { attributes: { 'inquiry-template-id': 'i', fields } }, meta: { 'auto-create-account-reference-id': 'u' } },
  { data: { attributes: { inquiryTemplateId: 'i', fields } }, meta: { autoCreateAccountReferenceId: 'u' } },
  { data: { attributes: { inquiry_template_id: 'i', fields } }, meta: { auto_create_account_reference_id: 'u' } },
])('takes requests in any of the three casings: %j', async (body) => {
  const { call } = createFakeWithClient()
  const { data } = (await call('POST', '/inquiries', { body })).body
  expect(data.attributes['reference-id']).toBe('u')
  expect(Object.keys(data.attributes.fields ?? {})).toEqual(Object.keys(fields))
})

it('leaves the keys of fields alone in the snapshots of events', async () => {
  const { call, create } = createFakeWithClient()
  await create({ attributes: { fields } })
  const { body } = await call('GET', '/events', { headers: { 'Key-Inflection': 'snake' } })
  expect(JSON.stringify(body)).toContain('"created_at"')
  expect(JSON.stringify(body)).toContain('"taxId":{"type"')
})
