import { createKycEngine, createMemoryStorage, createPersonaClient, type KycEngineOptions } from '@persona-kyc/core'
import { createFakePersona, createSeededRandom } from '@persona-kyc/testing'
import { expect, it } from 'vitest'
import { tell, toRounds } from './rounds.js'

const START = Date.parse('2026-01-02T03:04:05.000Z')
const MINUTE_MS = 60_000
const LIMIT = 300
const MINUTES = toRounds(10_000)

const SETTINGS = {
  templateId: 'itmpl_attack',
  webhookSecrets: 'wbhsec_attack',
  logger: { debug() {}, info() {}, warn() {}, error() {} },
} satisfies Partial<KycEngineOptions>

it.each([1, 99, 100, 101, 2345])(
  'with every webhook dropped, %i cases are caught up in a call for each hundred',
  async (count) => {
    const clock = { ms: START }
    const now = () => clock.ms
    const fake = createFakePersona({
      now,
      random: createSeededRandom(count),
      rateLimit: { limit: 1e9, windowSeconds: 60 },
    })
    const engine = createKycEngine({
      ...SETTINGS,
      persona: createPersonaClient({ apiKey: fake.apiKey, fetch: fake.fetch, now }),
      storage: createMemoryStorage(),
      now,
    })
    const cases = []
    for (let index = 0; index < count; index++) {
      const { kycCase } = await engine.initiateKyc({ userId: `user-${index}`, documentType: 'passport' })
      const decision = index % 3 === 0 ? 'decline_inquiry' : 'approve_inquiry'
      fake.inquiries.simulate(kycCase.personaInquiryId ?? '', 'start_inquiry', 'complete_inquiry', decision)
      cases.push({ id: kycCase.id, status: index % 3 === 0 ? 'rejected' : 'verified' })
    }
    clock.ms += 11 * MINUTE_MS
    const before = fake.requests.length
    const report = await engine.reconcile({ sources: ['cases'] })
    expect(fake.requests.length - before, 'list calls').toBe(Math.ceil(count / 100))
    expect(report).toMatchObject({ status: 'done', casesChecked: count, listCalls: Math.ceil(count / 100) })
    for (const { id, status } of cases) expect((await engine.getCase(id)).status).toBe(status)
  },
)

// Millions of calls take long: with a tenth of Persona's limit, ten times the minutes pass in the same time.
it.each([
  { limit: LIMIT / 10, minutes: MINUTES, isAligned: false },
  { limit: LIMIT / 10, minutes: MINUTES, isAligned: true },
  { limit: LIMIT, minutes: MINUTES / 10, isAligned: true },
])(
  'at twice the limit of $limit a minute, for $minutes minutes, it gets no 429 (windows begin with the minute: $isAligned)',
  { timeout: 3_600_000 },
  async ({ limit, minutes, isAligned }) => {
    const clock = { ms: START + 12_345 }
    const now = () => clock.ms
    const persona = createLimitedPersona(now, { limit, isAligned })
    const random = createSeededRandom(7)
    let sleeps = 0
    let asked = 0
    const engine = createKycEngine({
      ...SETTINGS,
      persona: createPersonaClient({
        apiKey: 'persona_sandbox_attack',
        timeoutMs: 1000,
        now,
        retries: 0,
        fetch: async () => {
          // Timers and finalizers need a turn now and then, or memory grows without end.
          if (++asked % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
          // Without pacing it would be twice the limit in each minute. Others call now and then.
          if (random() < 0.05) persona.answer()
          const response = persona.answer()
          clock.ms += MINUTE_MS / (2 * limit)
          return response
        },
      }),
      storage: createMemoryStorage(),
      now,
      sleep: async (ms, signal) => {
        sleeps += 1
        // The first sleep of a run is that of the lease's renewal, which goes on beside it and ends with it.
        if (sleeps === 1) await new Promise((resolve) => signal?.addEventListener('abort', resolve))
        else clock.ms += ms
      },
    })
    const end = clock.ms + minutes * MINUTE_MS
    let calls = 0
    for (let told = 0; clock.ms < end; ) {
      sleeps = 0
      const report = await engine.reconcile({ sources: ['events'] })
      expect(report.status).toBe('done')
      calls += report.listCalls
      if (calls - told >= 50_000) {
        told = calls
        tell(`${Math.round((clock.ms - START) / MINUTE_MS)} minutes, ${calls} calls`)
      }
    }
    expect(persona.refused, 'answers with 429').toBe(0)
    expect(calls / minutes, 'calls a minute: the limit is used').toBeGreaterThan(limit * 0.6)
  },
)

/** Persona's rate limit and an empty list of events, as light as can be: millions of calls are made. */
function createLimitedPersona(now: () => number, { limit, isAligned }: { limit: number; isAligned: boolean }) {
  let windowStart = Number.NEGATIVE_INFINITY
  let taken = 0
  const state = {
    refused: 0,
    answer(): Response {
      if (now() >= windowStart + MINUTE_MS) {
        windowStart = isAligned ? now() - (now() % MINUTE_MS) : now()
        taken = 0
      }
      taken += 1
      const isRefused = taken > limit
      if (isRefused) state.refused += 1
      const headers = {
        'ratelimit-limit': String(limit),
        'ratelimit-remaining': String(Math.max(0, limit - taken)),
        // Persona tells whole seconds; which way it rounds is not known, so the pacer must bear both.
        'ratelimit-reset': String(Math.floor((windowStart + MINUTE_MS - now()) / 1000)),
      }
      const body = isRefused ? '{"errors":[]}' : '{"data":[],"links":{"next":null,"prev":null}}'
      return new Response(body, { status: isRefused ? 429 : 200, headers })
    },
  }
  return state
}
