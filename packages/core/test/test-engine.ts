import { vi } from 'vitest'
import type { EncryptionKey } from '../src/cipher.js'
import { createKycEngine } from '../src/engine.js'
import type { KycEngineOptions } from '../src/engine-options.js'
import type { JsonObject } from '../src/inflection.js'
import { createMemoryStorage } from '../src/memory-storage.js'
import type { WebhookDelivery } from '../src/process-webhook.js'
import { signWebhook } from '../src/signature.js'
import { createEventBody, type EventOptions, toBytes } from './event-bodies.js'
import { createPersonaStub } from './persona-stub.js'

export const START = Date.parse('2026-01-02T03:04:05.000Z')
const SECRET = 'wbhsec_engine'
export const KEYS: EncryptionKey[] = [{ id: 'k1', key: new Uint8Array(32).fill(7) }]
export const USER = { userId: 'user_1', documentType: 'passport' }

/** A logger that keeps what it is told. */
export function createRecordingLogger() {
  const entries: { level: string; fields: object; message: string }[] = []
  const at = (level: string) => (fields: object, message: string) => void entries.push({ level, fields, message })
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** An engine on memory and the stub, with a clock that stands still unless told otherwise. */
export function createTestEngine(options: Partial<KycEngineOptions> = {}) {
  const clock = { ms: START }
  const now = () => clock.ms
  const persona = createPersonaStub(now)
  const storage = createMemoryStorage()
  const logger = createRecordingLogger()
  // Waiting moves the clock, and lets whatever else is under way go on.
  const sleep = vi.fn(async (ms: number) => {
    clock.ms += ms
    await new Promise((resolve) => setImmediate(resolve))
  })
  const settings = {
    persona: persona.client,
    storage,
    templateId: 'itmpl_main',
    webhookSecrets: SECRET,
    encryptionKeys: KEYS,
    logger,
    now,
    sleep,
    ...options,
  }
  const engine = createKycEngine(settings)
  return {
    engine,
    storage,
    persona,
    logger,
    clock,
    sleep,
    settings,
    /** Another process on the same storage and the same Persona. */
    createOther: () => createKycEngine(settings),
    /** Delivers an event, signed. */
    deliver: async (event: EventOptions) => engine.processWebhook(await toDelivery(createEventBody(event), clock.ms)),
    deliverBody: async (body: JsonObject) => engine.processWebhook(await toDelivery(body, clock.ms)),
  }
}

/** A delivery of that body, signed now. */
export async function toDelivery(value: JsonObject, nowMs: number): Promise<WebhookDelivery> {
  const body = toBytes(value)
  const timestampSeconds = Math.floor(nowMs / 1000)
  return { body, signature: await signWebhook({ body, secrets: SECRET, timestampSeconds }) }
}

/** The time of an event, that many seconds after the start. */
export function after(seconds: number): string {
  return new Date(START + seconds * 1000).toISOString()
}
