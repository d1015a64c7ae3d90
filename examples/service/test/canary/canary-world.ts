import {
  createBearerAuthorize,
  createKycEngine,
  createMemoryStorage,
  createPersonaClient,
  type KycEngine,
  type KycEngineOptions,
  type KycHandlerOptions,
  signWebhook,
} from '@persona-kyc/core'
import { createFakePersona, createInquiryEvent, type FakePersona } from '@persona-kyc/testing'
import { CANARIES, DOCUMENT_DATA, FIELDS, PERSONAL_INFO } from './canaries.js'
import type { Adapter, Answer, Draft, Site } from './canary-adapters.js'
import { controlDeadlines } from './deadlines.js'
import { createEchoingPersona, type EchoingPersona } from './echoing-persona.js'
import { findLeaks, type Traces } from './leak-search.js'
import { createLogRecorder, type LogRecorder } from './log-recorder.js'
import { captureOutput } from './output-capture.js'
import { toVisibleText } from './visible-text.js'
import { watchEngine, watchStorage } from './watched-calls.js'

/** What a world may have of its own. */
export interface WorldOptions {
  readonly engine?: Partial<KycEngineOptions>
  readonly handler?: Partial<Omit<KycHandlerOptions, 'engine'>>
  /** True where something has read the bodies as JSON before the routes come. */
  readonly hasParser?: boolean
  /** Default: a new one. */
  readonly log?: LogRecorder
}

/** What is sent besides method and path. */
export interface Sending {
  /** A text as it is, all else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly bodyEnd?: Draft['bodyEnd']
}

/** A service with canaries in all that it is told and given, and all that it leaves behind. */
export interface World {
  readonly engine: KycEngine
  readonly persona: EchoingPersona
  readonly fake: FakePersona
  readonly log: LogRecorder
  /** The clock of everything here, in milliseconds; waiting moves it. */
  readonly clock: { ms: number }
  /** Resolves with the answer of a caller who sends canaries in all headers that any caller may send. */
  ask(method: string, path: string, sending?: Sending): Promise<Answer | null>
  /** Asks for a verification, with canaries in all members. */
  initiate(): Promise<Answer | null>
  /** The id of a new case, and of its inquiry. */
  createCase(): Promise<{ readonly caseId: string; readonly inquiryId: string }>
  /** Has Persona say that a case has that status now. */
  move(inquiryId: string, status: string): Promise<Answer | null>
  /** Delivers a body, signed unless a signature is given. */
  deliver(body: string, sending?: Sending & { readonly signature?: string }): Promise<Answer | null>
  sign(body: string): Promise<string>
  /** The codes of the errors that occurred, as far as they are ours. */
  listErrorCodes(): string[]
  /** Resolves with each canary that can be found where it must not be, as `where: name as form`. */
  findLeaks(): Promise<string[]>
}

/** Makes a world, plays in it, and ends it. */
export async function withWorld<Result>(
  adapter: Pick<Adapter, 'open'>,
  options: WorldOptions,
  play: (world: World) => Promise<Result>,
): Promise<Result> {
  const output = captureOutput(toVisibleText)
  const endControl = controlDeadlines()
  let site: Site | undefined
  try {
    const parts = createParts(options)
    const traces = { ...parts.traces, output }
    site = await adapter.open(parts.handlerOptions, { hasParser: options.hasParser ?? false })
    return await play(createWorld({ ...parts, traces, site }))
  } finally {
    endControl()
    output.end()
    await site?.close()
  }
}

function createParts({ engine: engineOptions = {}, handler = {}, log = createLogRecorder() }: WorldOptions) {
  const clock = { ms: Date.now() }
  const now = () => clock.ms
  const fake = createFakePersona({ apiKey: CANARIES.apiKey, now })
  const secrets = new Set<string>()
  const persona = createEchoingPersona(fake, secrets)
  const traces = { answers: [] as Answer[], errors: [] as unknown[], log, secrets, stored: [] as unknown[] }
  const { storage = createMemoryStorage(), ...others } = engineOptions
  const engine = createKycEngine({
    persona: createPersonaClient({ apiKey: CANARIES.apiKey, fetch: persona.fetch, retries: 0, now }),
    storage: watchStorage(storage, traces.stored),
    templateId: 'itmpl_nest',
    webhookSecrets: CANARIES.webhookSecret,
    encryptionKeys: [{ id: 'nest', key: CANARIES.encryptionKey }],
    toInquiryFields: ({ documentData, personalInfo }) => ({ ...FIELDS, ...documentData, ...personalInfo }),
    logger: log,
    now,
    sleep: async (ms) => {
      clock.ms += ms
      await new Promise((resolve) => setImmediate(resolve))
    },
    ...others,
  })
  const handlerOptions: KycHandlerOptions = {
    engine: watchEngine(engine, traces.errors),
    authorize: createBearerAuthorize({ tokens: CANARIES.bearerToken, now }),
    trustedProxies: ['loopback'],
    logger: log,
    ...handler,
  }
  return { clock, engine, fake, handlerOptions, log, persona, traces }
}

type Parts = Omit<ReturnType<typeof createParts>, 'traces'> & { readonly site: Site; readonly traces: Traces }

function createWorld({ clock, engine, fake, log, persona, site, traces }: Parts): World {
  const ask: World['ask'] = async (method, path, { body, headers, bodyEnd } = {}) => {
    const answer = await site.send({
      method,
      path,
      headers: { ...toHeaders(body), ...headers },
      body: toBytes(body),
      bodyEnd,
    })
    if (answer === null) await log.untilLogged('request answered with a problem')
    else traces.answers.push(answer)
    return answer
  }
  const sign: World['sign'] = async (body) => {
    const timestampSeconds = Math.floor(clock.ms / 1000)
    const signature = await signWebhook({ body: Buffer.from(body), secrets: CANARIES.webhookSecret, timestampSeconds })
    traces.secrets.add(signature.split('v1=')[1] ?? signature)
    return signature
  }
  const deliver: World['deliver'] = async (body, { signature, headers, ...sending } = {}) =>
    ask('POST', '/webhooks/persona/inquiry', {
      ...sending,
      body,
      headers: { ...headers, 'persona-signature': signature ?? (await sign(body)) },
    })
  const idempotencyKey = `${CANARIES.idempotencyKey}.${crypto.randomUUID()}`
  const initiate: World['initiate'] = () =>
    ask('POST', '/compliance/kyc', {
      headers: { 'idempotency-key': idempotencyKey },
      body: {
        user_id: CANARIES.userId,
        document_type: 'passport',
        document_data: DOCUMENT_DATA,
        personal_info: PERSONAL_INFO,
      },
    })
  return {
    ask,
    clock,
    deliver,
    engine,
    fake,
    initiate,
    log,
    persona,
    sign,
    async createCase() {
      const { case_id: caseId, persona_inquiry_id: inquiryId } = toJson(await initiate())
      return { caseId: String(caseId), inquiryId: String(inquiryId) }
    },
    move: (inquiryId, status) =>
      deliver(JSON.stringify(createInquiryEvent({ name: 'inquiry.transitioned', inquiryId, status, fields: FIELDS }))),
    listErrorCodes: () => [...traces.errors, ...log.entries.map(({ fields }) => fields)].flatMap(toCode),
    findLeaks: () => findLeaks(engine, traces),
  }
}

/** The members of an answer; none where it is no JSON object. */
export function toJson(answer: Answer | null): Readonly<Record<string, unknown>> {
  return answer?.body.startsWith('{') ? JSON.parse(answer.body) : {}
}

function toHeaders(body: unknown): Record<string, string> {
  return {
    authorization: `Bearer ${CANARIES.bearerToken}`,
    cookie: `session=${CANARIES.cookie}`,
    referer: `https://app.example/?q=${CANARIES.queryValue}`,
    'user-agent': CANARIES.userAgent,
    'x-forwarded-for': CANARIES.clientAddress,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
}

function toBytes(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array()
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

function toCode(value: unknown): string[] {
  const { code } = (value ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? [code] : []
}
