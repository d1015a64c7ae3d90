import { existsSync, readFileSync } from 'node:fs'
import { toCamelKeys } from '@persona-kyc/core'
import { createKnexStorage } from '@persona-kyc/storage-knex'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signWithOpenssl } from './openssl.js'
import { type ServerProcess, startServer, WEBHOOK_SECRET } from './server-process.js'
import { createStage, deliver, type Stage } from './stage.js'

const DESCRIPTION = new URL('../../../../shared/persona/openapi-2025-12-08.json', import.meta.url)
const isHere = existsSync(DESCRIPTION)
const INFLECTIONS = ['kebab', 'camel', 'snake'] as const

/** What the default policy says of each event of the description that moves a case. */
const EXPECTED: Readonly<Record<string, { status: string; personaStatus: string }>> = {
  'inquiry.created': { status: 'pending', personaStatus: 'created' },
  'inquiry.started': { status: 'pending', personaStatus: 'pending' },
  'inquiry.transitioned': { status: 'pending', personaStatus: 'pending' },
  'inquiry.expired': { status: 'pending', personaStatus: 'expired' },
  'inquiry.completed': { status: 'verified', personaStatus: 'completed' },
  'inquiry.failed': { status: 'rejected', personaStatus: 'failed' },
  'inquiry.marked-for-review': { status: 'review', personaStatus: 'needs_review' },
  'inquiry.approved': { status: 'verified', personaStatus: 'approved' },
  'inquiry.declined': { status: 'rejected', personaStatus: 'declined' },
  'inquiry.redacted': { status: 'verified', personaStatus: 'approved' },
}

describe('the example webhooks of Persona’s official description', () => {
  let stage: Stage
  let server: ServerProcess

  beforeAll(async () => {
    stage = await createStage()
    server = await startServer('hono-server', stage.environment)
  })
  afterAll(async () => {
    await server.stop()
    await stage.close()
  })

  it.for([...INFLECTIONS])(
    'are each answered 200, and move their case as the policy says, in %s case',
    { timeout: 120_000 },
    async (inflection, context) => {
      if (!isHere) context.skip('the official description is not beside the repository (../shared/persona)')
      const examples = readExamples()
      expect(new Set(examples.map(({ name }) => name)).size).toBe(130)
      for (const [index, { name, body }] of examples.entries()) {
        const inquiryId = `inq_${inflection}_${index}`
        const caseId = await addCase(inquiryId)
        const text = JSON.stringify(
          toInflection(renamed(body, { inquiryId, eventId: `evt_${inflection}_${index}` }), inflection),
        )
        const { status, json } = await deliver(server, text, signWithOpenssl(text, WEBHOOK_SECRET))
        const expected = EXPECTED[name]
        expect({ name, status, outcome: json.outcome }).toEqual({
          name,
          status: 200,
          outcome: expected === undefined ? 'ignored' : 'applied',
        })
        const { json: kycCase } = await server.call('GET', `/compliance/kyc/${caseId}`)
        const actual = { status: kycCase.status, personaStatus: kycCase.persona_status }
        expect({ name, ...actual }).toEqual({ name, ...(expected ?? { status: 'pending', personaStatus: 'created' }) })
      }
      const { rows } = await stage.knex.raw('select count(*)::int as n from persona_kyc.kyc_events where id like ?', [
        `evt_${inflection}_%`,
      ])
      expect(rows[0].n).toBe(examples.length)
    },
  )

  /** A case of a user of its own, with that inquiry. */
  async function addCase(inquiryId: string): Promise<string> {
    const storage = createKnexStorage({ knex: stage.knex })
    const now = new Date()
    const id = crypto.randomUUID()
    await storage.createCase({
      id,
      userId: inquiryId,
      documentType: 'passport',
      sealedPersonalData: null,
      idempotencyKey: null,
      createdAt: now,
      initiatingUntil: now,
    })
    await storage.attachInquiry(id, {
      inquiryId,
      replaces: null,
      personaStatus: 'created',
      sealedSessionToken: null,
      now,
    })
    return id
  }
})

interface Example {
  readonly name: string
  readonly body: Json
}
type Json = Parameters<typeof toCamelKeys>[0]

interface Webhook {
  readonly post: {
    readonly requestBody: {
      readonly content: {
        readonly 'application/json': { readonly examples: Record<string, { $ref?: string; value?: Json }> }
      }
    }
  }
}

function readExamples(): Example[] {
  const { webhooks, components } = JSON.parse(readFileSync(DESCRIPTION, 'utf8'))
  return Object.entries<Webhook>(webhooks).flatMap(([name, { post }]) =>
    Object.values(post.requestBody.content['application/json'].examples).map(({ $ref, value }) => {
      const shared = $ref?.split('/').at(-1)
      return { name, body: (shared === undefined ? value : components.examples[shared].value) ?? null }
    }),
  )
}

/** The example under an inquiry and event id of its own: the description uses the same ones again and again. */
function renamed(body: Json, { inquiryId, eventId }: { inquiryId: string; eventId: string }): Json {
  const { data } = body as { data: { id: string; attributes: { payload: { data: { id: string; type: string } } } } }
  const { payload } = data.attributes
  const resource = payload.data.type === 'inquiry' ? { ...payload.data, id: inquiryId } : payload.data
  return {
    data: { ...data, id: eventId, attributes: { ...data.attributes, payload: { ...payload, data: resource } } },
  } as Json
}

function toInflection(body: Json, inflection: (typeof INFLECTIONS)[number]): Json {
  if (inflection === 'kebab') return body
  const camel = toCamelKeys(body)
  return inflection === 'camel' ? camel : toSnakeKeys(camel)
}

function toSnakeKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(toSnakeKeys)
  if (typeof value !== 'object' || value === null) return value
  const snake = (key: string) => key.replaceAll(/[A-Z0-9]+/g, (part) => `_${part.toLowerCase()}`)
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [snake(key), key === 'fields' ? item : toSnakeKeys(item)]),
  )
}
