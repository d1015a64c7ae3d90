import { describe, expect, it } from 'vitest'
import type { PersonaClient } from '../src/client.js'
import { isJsonObject, type JsonObject, type JsonValue } from '../src/inflection.js'
import { requireOfficialDescription } from './official-description.js'
import { createInquiryAnswer, createRecordedClient } from './recorded-fetch.js'

const ANSWER = {
  ...createInquiryAnswer({}, { 'one-time-link': 'https://a.example', 'one-time-link-short': 'https://b.example' }),
  links: { next: null },
}
const FIELDS = { 'name-first': 'Ada', birthdate: '1990-01-31', 'my-own-field': 1 }
const EVERYTHING = {
  referenceId: 'case-1',
  accountReferenceId: 'user-1',
  redirectUri: 'https://app.example/done',
  note: 'note',
  fields: FIELDS,
  tags: ['A'],
  createSession: true,
}

/** Every call that the client has, with every option and with none. */
const CALLS: Record<string, (client: PersonaClient) => Promise<unknown>> = {
  'create by template': ({ inquiries }) => inquiries.create({ inquiryTemplateId: 'itmpl_1', ...EVERYTHING }),
  'create by version': ({ inquiries }) => inquiries.create({ inquiryTemplateVersionId: 'itmplv_1', ...EVERYTHING }),
  'create by legacy template': ({ inquiries }) => inquiries.create({ templateId: 'tmpl_1' }),
  'create without a session': ({ inquiries }) => inquiries.create({ templateId: 'tmpl_1', createSession: false }),
  retrieve: ({ inquiries }) => inquiries.retrieve('inq_1'),
  list: ({ inquiries }) => inquiries.list().next(),
  'list with filters': ({ inquiries }) =>
    inquiries
      .list({
        referenceId: 'case-1',
        accountId: 'act_1',
        status: 'approved',
        inquiryIds: ['inq_1'],
        createdAtStart: '2026-01-02T03:04:05Z',
        createdAtEnd: '2026-01-03T03:04:05Z',
        pageSize: 10,
      })
      .next(),
  update: ({ inquiries }) => inquiries.update('inq_1', { ...EVERYTHING }),
  'update nothing': ({ inquiries }) => inquiries.update('inq_1', {}),
  approve: ({ inquiries }) => inquiries.approve('inq_1'),
  'approve with a comment': ({ inquiries }) => inquiries.approve('inq_1', { comment: 'fine' }),
  decline: ({ inquiries }) => inquiries.decline('inq_1'),
  'decline with a comment': ({ inquiries }) => inquiries.decline('inq_1', { comment: 'not fine' }),
  markForReview: ({ inquiries }) => inquiries.markForReview('inq_1'),
  resume: ({ inquiries }) => inquiries.resume('inq_1'),
  expire: ({ inquiries }) => inquiries.expire('inq_1'),
  createOneTimeLink: ({ inquiries }) => inquiries.createOneTimeLink('inq_1'),
  'createOneTimeLink for an hour': ({ inquiries }) => inquiries.createOneTimeLink('inq_1', { expiresInSeconds: 3600 }),
  redact: ({ inquiries }) => inquiries.redact('inq_1'),
  performSimulateActions: ({ inquiries }) =>
    inquiries.performSimulateActions('inq_1', [
      { type: 'start_inquiry' },
      { type: 'create_passed_verification', data: { verificationTemplateId: 'vtmpl_1' } },
      { type: 'approve_inquiry' },
    ]),
  health: (client) => client.health(),
}

/** The path of the description that an address is described by. */
function toTemplate(paths: JsonObject, pathname: string): string {
  const path = pathname.replace(/^\/api\/v1/, '').replace('inq_1', '{inquiry-id}')
  expect(Object.keys(paths)).toContain(path)
  return path
}

function toParameters(value: JsonValue | undefined, find: (...path: string[]) => JsonValue | undefined): JsonObject[] {
  const parameters = Array.isArray(value) ? value : []
  return parameters
    .map((parameter) => {
      const ref = isJsonObject(parameter) ? parameter.$ref : undefined
      return typeof ref === 'string' ? find(...ref.slice(2).split('/')) : parameter
    })
    .filter(isJsonObject)
}

describe.each(Object.entries(CALLS))('the request of %s', (_name, call) => {
  it('is valid against Persona’s own description', async (context) => {
    const official = requireOfficialDescription(context)
    const { client, requests } = createRecordedClient([Response.json(ANSWER)])
    // A list is answered by its own example, so that the call comes to its end.
    await call(client).catch(() => undefined)
    expect(requests).toHaveLength(1)
    const [{ method, url, body, headers }] = requests as [(typeof requests)[number]]
    const paths = official.find('paths')
    const operation = ['paths', toTemplate(isJsonObject(paths) ? paths : {}, url.pathname), method.toLowerCase()]
    expect(official.find(...operation)).toBeDefined()

    const requestBody = [...operation, 'requestBody']
    if (official.find(...requestBody) === undefined) expect(body).toBeUndefined()
    else if (body !== undefined) {
      const validate = official.compile(...requestBody, 'content', 'application/json', 'schema')
      validate(body)
      expect(validate.errors ?? []).toEqual([])
      expect(headers.get('content-type')).toBe('application/json')
    } else
      expect(isJsonObject(official.find(...requestBody)) && official.find(...requestBody, 'required')).not.toBe(true)

    const parameters = toParameters(official.find(...operation, 'parameters'), (...path) => official.find(...path))
    const described = (where: string) => parameters.filter((parameter) => parameter.in === where)
    for (const key of url.searchParams.keys()) {
      const [, name, member] = /^(\w+)(?:\[([\w-]+)\])?$/.exec(key) ?? []
      const parameter = described('query').find((candidate) => candidate.name === name)
      expect(parameter, key).toBeDefined()
      if (member !== undefined) expect(parameter).toMatchObject({ schema: { properties: { [member]: {} } } })
    }
    const headerNames = described('header').map(({ name }) => String(name).toLowerCase())
    for (const name of ['key-inflection', 'persona-version']) expect(headerNames).toContain(name)
    if (headers.has('idempotency-key')) expect(headerNames).toContain('idempotency-key')
    const version = official.find('components', 'parameters', 'persona-version-header', 'schema', 'enum')
    expect(version).toContain(headers.get('persona-version'))
  })
})

describe('Persona’s own examples of answers', () => {
  it('are read', async (context) => {
    const official = requireOfficialDescription(context)
    const exampleOf = (path: string, method: string, status: string) => {
      const examples = official.find(
        'paths',
        path,
        method,
        'responses',
        status,
        'content',
        'application/json',
        'examples',
      )
      const [name = ''] = Object.keys(examples ?? {})
      return official.find(
        'paths',
        path,
        method,
        'responses',
        status,
        'content',
        'application/json',
        'examples',
        name,
        'value',
      )
    }
    const one = '/inquiries/{inquiry-id}'
    const answers: [JsonValue | undefined, (client: PersonaClient) => Promise<unknown>][] = [
      [exampleOf('/inquiries', 'post', '201'), ({ inquiries }) => inquiries.create({ templateId: 'tmpl_1' })],
      [exampleOf(one, 'get', '200'), ({ inquiries }) => inquiries.retrieve('inq_1')],
      [exampleOf(one, 'patch', '200'), ({ inquiries }) => inquiries.update('inq_1', {})],
      [exampleOf(one, 'delete', '200'), ({ inquiries }) => inquiries.redact('inq_1')],
      [exampleOf(`${one}/approve`, 'post', '200'), ({ inquiries }) => inquiries.approve('inq_1')],
      [exampleOf(`${one}/decline`, 'post', '200'), ({ inquiries }) => inquiries.decline('inq_1')],
      [exampleOf(`${one}/mark-for-review`, 'post', '200'), ({ inquiries }) => inquiries.markForReview('inq_1')],
      [exampleOf(`${one}/resume`, 'post', '200'), ({ inquiries }) => inquiries.resume('inq_1')],
      [exampleOf(`${one}/expire`, 'post', '200'), ({ inquiries }) => inquiries.expire('inq_1')],
      [
        exampleOf(`${one}/generate-one-time-link`, 'post', '200'),
        ({ inquiries }) => inquiries.createOneTimeLink('inq_1'),
      ],
      [
        exampleOf(`${one}/perform-simulate-actions`, 'post', '200'),
        ({ inquiries }) => inquiries.performSimulateActions('inq_1', []),
      ],
      [exampleOf('/inquiries', 'get', '200'), ({ inquiries }) => inquiries.list().next()],
    ]
    for (const [example, call] of answers) {
      expect(example).toBeDefined()
      const { client } = createRecordedClient([Response.json(example)])
      expect(await call(client)).toBeTruthy()
    }
  })
})
