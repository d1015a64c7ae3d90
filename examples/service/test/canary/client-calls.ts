import {
  createKycApi,
  createPersonaClient,
  type KycApi,
  type KycApiFailureReason,
  type KycApiOptions,
  type PersonaClient,
} from '@persona-kyc/core'
import { createFakePersona } from '@persona-kyc/testing'
import { CANARIES, DOCUMENT_DATA, EVERYTHING, PERSONAL_INFO } from './canaries.js'
import { createEchoingPersona, type PersonaEnd, toEnd } from './echoing-persona.js'
import type { FailingCall } from './failing-call.js'
import { FAILURES } from './persona-provocations.js'

/** Calls of Persona's API that carry something, or bring it. */
const PERSONA_CALLS: Readonly<Record<string, (client: PersonaClient) => unknown>> = {
  create: ({ inquiries }) =>
    inquiries.create({
      accountReferenceId: CANARIES.userId,
      createSession: true,
      fields: { ...DOCUMENT_DATA, ...PERSONAL_INFO },
      idempotencyKey: CANARIES.idempotencyKey,
      inquiryTemplateId: 'itmpl_nest',
      note: CANARIES.comment,
      redirectUri: CANARIES.oneTimeLink,
      tags: [CANARIES.name],
    }),
  createOneTimeLink: ({ inquiries }) => inquiries.createOneTimeLink('inq_1', {}),
  decline: ({ inquiries }) => inquiries.decline('inq_1', { comment: CANARIES.comment }),
  list: ({ inquiries }) => inquiries.listPage({ accountId: CANARIES.userId, referenceId: CANARIES.name }),
  resume: ({ inquiries }) => inquiries.resume('inq_1'),
  'webhooks.list': async ({ webhooks }) => webhooks.list().next(),
}

const METHODS: Readonly<Record<string, string>> = { list: 'GET', 'webhooks.list': 'GET' }
const ENDS = [...FAILURES, [409, 'persona_conflict', ''] as const]

/** Calls of the KYC API, by how they fail. */
const API_CALLS: Readonly<Record<KycApiFailureReason, Partial<KycApiOptions>>> = {
  aborted: {},
  failing: { fetch: endWith(503) },
  network: { fetch: endWith('broken') },
  redirected: { fetch: endWith(302) },
  refused: { fetch: endWith(409) },
  timeout: { fetch: endWith('waiting'), timeoutMs: 20 },
  token: { token: () => Promise.reject(Object.assign(new Error(EVERYTHING), { code: EVERYTHING })) },
  unexpected: { fetch: endWith('other shape') },
  unreadable: { fetch: endWith('page') },
}

function endWith(end: Exclude<PersonaEnd, 'well'>): typeof fetch {
  return (input, init) => toEnd(end, input, init)
}

function callApi(reason: string, options: Partial<KycApiOptions>) {
  const api: KycApi = createKycApi({
    baseUrl: `https://kyc.example/${CANARIES.pathSegment}`,
    fetch: endWith('waiting'),
    retries: 0,
    token: CANARIES.bearerToken,
    ...options,
  })
  const body = {
    document_data: DOCUMENT_DATA,
    document_type: 'passport',
    personal_info: PERSONAL_INFO,
    user_id: CANARIES.userId,
  }
  const signal = reason === 'aborted' ? AbortSignal.abort(new Error(EVERYTHING)) : undefined
  return api.initiate(body, { idempotencyKey: CANARIES.idempotencyKey, signal })
}

/** What the clients of both APIs fail with. */
export const CLIENT_CALLS: readonly FailingCall[] = [
  ...ENDS.flatMap(([end, code]) =>
    Object.entries(PERSONA_CALLS).map(([name, call]) => ({
      code,
      errorName: 'PersonaApiError',
      name: `${name}, with ${end} from Persona`,
      call() {
        const persona = createEchoingPersona(createFakePersona({ apiKey: CANARIES.apiKey }))
        persona.failNext(end, METHODS[name])
        const options = { apiKey: CANARIES.apiKey, fetch: persona.fetch, retries: 0 }
        return call(createPersonaClient(options))
      },
    })),
  ),
  ...Object.entries(API_CALLS).map(([reason, options]) => ({
    code: ['refused', 'token', 'unexpected'].includes(reason)
      ? ('kyc_api_refused' as const)
      : ('kyc_api_unreachable' as const),
    errorName: 'KycApiError',
    name: 'a call of the KYC API',
    reason,
    call: () => callApi(reason, options),
  })),
]
