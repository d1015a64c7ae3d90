import { describe, expect, it, vi } from 'vitest'
import { createKycEngine } from '../src/engine.js'
import { createMemoryStorage } from '../src/memory-storage.js'
import { signWebhook, type WebhookSecrets } from '../src/signature.js'
import type { KycStorage } from '../src/storage.js'
import { toRejection } from './canaries.js'
import { createEventBody, toBytes } from './event-bodies.js'
import { createPersonaStub } from './persona-stub.js'
import { after, createRecordingLogger, START, USER } from './test-engine.js'

const SECRETS = { sandbox: 'wbhsec_sandbox', production: 'wbhsec_production' } as const
type Environment = keyof typeof SECRETS

/** An engine of one environment, with a storage whose every call is recorded. */
async function createEnvironment(name: Environment, secrets: WebhookSecrets, clock: { readonly ms: number }) {
  const now = () => clock.ms
  const calls: string[] = []
  const persona = createPersonaStub(now)
  const storage = toRecorded(createMemoryStorage(), calls)
  const logger = createRecordingLogger()
  const engine = createKycEngine({
    persona: { ...persona.client, environment: name },
    storage,
    templateId: 'itmpl_main',
    webhookSecrets: secrets,
    logger,
    now,
  })
  const { kycCase } = await engine.initiateKyc(USER)
  calls.length = 0
  return { engine, calls, caseId: kycCase.id, logger }
}

function toRecorded(storage: KycStorage, calls: string[]): KycStorage {
  return new Proxy(storage, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        calls.push(String(name))
        return Reflect.apply(member, target, args)
      }
    },
  })
}

/** Two engines of one process; both have a case whose inquiry has the same id. */
async function createBoth(toSecrets: (name: Environment) => WebhookSecrets) {
  const clock = { ms: START }
  const sandbox = await createEnvironment('sandbox', toSecrets('sandbox'), clock)
  const production = await createEnvironment('production', toSecrets('production'), clock)
  return { clock, sandbox, production }
}

/** An approval of the inquiry, signed with those secrets. */
async function toApproval(secrets: string | readonly string[], ms: number) {
  const body = toBytes(createEventBody({ name: 'inquiry.approved', status: 'approved', createdAt: after(10) }))
  return { body, signature: await signWebhook({ body, secrets, timestampSeconds: Math.floor(ms / 1000) }) }
}

const OTHER = { sandbox: 'production', production: 'sandbox' } as const
const FORMS: [string, (name: Environment) => WebhookSecrets][] = [
  ['one secret', (name) => SECRETS[name]],
  ['two secrets, during rotation', (name) => [`${SECRETS[name]}_new`, SECRETS[name]]],
  ['a function', (name) => () => SECRETS[name]],
  ['a function, during rotation', (name) => async () => [`${SECRETS[name]}_new`, SECRETS[name]]],
]

describe.each(['sandbox', 'production'] as const)('a webhook of the %s', (from) => {
  const to = OTHER[from]

  it.each(FORMS)(
    'is refused by the engine of the other one, and changes nothing in either: %s',
    async (_name, toSecrets) => {
      const both = await createBoth(toSecrets)
      both.clock.ms += 2000
      for (const secrets of [SECRETS[from], `${SECRETS[from]}_new`, [`${SECRETS[from]}_new`, SECRETS[from]]]) {
        const delivery = await toApproval(secrets, both.clock.ms)
        expect(await toRejection(both[to].engine.processWebhook(delivery))).toMatchObject({ reason: 'mismatch' })
      }
      expect([both.sandbox.calls, both.production.calls]).toEqual([[], []])
      for (const { engine, caseId } of [both.sandbox, both.production]) {
        expect(await engine.getCase(caseId)).toMatchObject({ status: 'pending', personaStatus: 'created' })
        expect((await engine.listCaseEvents(caseId)).items).toEqual([])
      }
    },
  )

  it.each(FORMS)('is taken by its own engine, and changes nothing in the other: %s', async (_name, toSecrets) => {
    const both = await createBoth(toSecrets)
    const delivery = await toApproval(SECRETS[from], both.clock.ms)
    expect(await both[from].engine.processWebhook(delivery)).toMatchObject({ outcome: 'applied' })
    expect(both[to].calls).toEqual([])
    expect(await both[from].engine.getCase(both[from].caseId)).toMatchObject({ status: 'verified' })
    expect(await both[to].engine.getCase(both[to].caseId)).toMatchObject({ status: 'pending' })
  })

  it('has nobody ask for the secrets of its own environment, where it came to the other one', async () => {
    const asks = { sandbox: vi.fn(() => SECRETS.sandbox), production: vi.fn(() => SECRETS.production) }
    const both = await createBoth((name) => asks[name])
    both.clock.ms += 2000
    await toRejection(both[to].engine.processWebhook(await toApproval(SECRETS[from], both.clock.ms)))
    expect([asks[from].mock.calls.length, asks[to].mock.calls.length]).toEqual([1, 2])
  })

  it('is refused while the other one is being rotated, before and after', async () => {
    const secrets: Record<Environment, readonly string[]> = {
      sandbox: [SECRETS.sandbox],
      production: [SECRETS.production],
    }
    const both = await createBoth((name) => () => secrets[name])
    const stages = [[SECRETS[to]], [`${SECRETS[to]}_new`, SECRETS[to]], [`${SECRETS[to]}_new`]]
    for (const stage of stages) {
      secrets[to] = stage
      both.clock.ms += 60_000
      const delivery = await toApproval(SECRETS[from], both.clock.ms)
      expect(await toRejection(both[to].engine.processWebhook(delivery))).toMatchObject({ reason: 'mismatch' })
    }
    expect([both.sandbox.calls, both.production.calls]).toEqual([[], []])
  })
})
