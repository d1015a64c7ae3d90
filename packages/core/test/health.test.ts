import { describe, expect, it, vi } from 'vitest'
import type { Authorization } from '../src/authorize.js'
import type { PersonaHealth } from '../src/client.js'
import { StorageError } from '../src/errors.js'
import { expectNoCanary } from './canaries.js'
import { createPlainHandler, HEALTH } from './plain-handler.js'

const CANARY = 'canary-9f31c7'
const DOWN = new StorageError('storage_unavailable', { problem: 'It is down.', fix: 'Start it.' })

/** A handler whose storage and Persona are as said, and what its health is answered. */
function start(answer: Authorization = 'unauthenticated', persona: PersonaHealth['status'] = 'ok') {
  const test = createPlainHandler()
  test.authorize.mockReturnValue(answer)
  test.persona.health.mockResolvedValue({ status: persona, latencyMs: 1 })
  const ping = vi.spyOn(test.storage, 'ping')
  const ask = async (method = 'GET') => {
    const { status, json } = await test.call(method, HEALTH)
    return [status, json]
  }
  return { ...test, ping, ask }
}

describe('the health of the service', () => {
  const STRANGERS: [string, Authorization][] = [
    ['nobody knows', 'unauthenticated'],
    ['may not', 'forbidden'],
    ['may see no cases', { principal: 'app', cases: 'none' }],
    ['may see claimable cases', { principal: 'app', cases: 'claimable' }],
    ['may see their own cases', { principal: 'app', cases: 'own', userId: 'user_1' }],
    ['has no name', { principal: '' }],
    ['authorize has no word for', undefined as unknown as Authorization],
  ]

  it.each(STRANGERS)('is its status alone to who %s', async (_name, answer) => {
    const { ask, ping, clock } = start(answer)
    expect(await ask()).toEqual([200, { status: 'ok' }])
    ping.mockRejectedValue(DOWN)
    clock.ms += 1000
    expect(await ask()).toEqual([503, { status: 'unavailable' }])
  })

  it('is told in full to who may read it', async () => {
    for (const answer of [{ principal: 'ops' }, { principal: 'ops', cases: 'all' }] as const) {
      const { ask, authorize, ping, clock } = start(answer)
      expect(await ask()).toEqual([200, { status: 'ok', storage: 'ok', persona: 'ok' }])
      expect(authorize).toHaveBeenCalledExactlyOnceWith(
        expect.objectContaining({ action: 'health:read', caseId: null }),
      )
      ping.mockRejectedValue(DOWN)
      clock.ms += 1000
      expect(await ask()).toEqual([503, { status: 'unavailable', storage: 'unreachable', persona: 'ok' }])
    }
  })

  it.each<[PersonaHealth['status'], number]>([
    ['ok', 200],
    ['slow', 200],
    ['unreachable', 503],
    ['unauthorized', 503],
    ['failing', 503],
  ])('counts a Persona that is %s as %i', async (persona, status) => {
    const word = status === 200 ? 'ok' : 'unavailable'
    expect(await start('unauthenticated', persona).ask()).toEqual([status, { status: word }])
    const told = { status: word, storage: 'ok', persona }
    expect(await start({ principal: 'ops' }, persona).ask()).toEqual([status, told])
  })

  it('is told as to a stranger where authorize fails, and the log says so', async () => {
    for (const failure of [() => Promise.reject(new Error(CANARY)), () => Promise.reject(CANARY)]) {
      const { ask, authorize, handlerLogger } = start()
      authorize.mockImplementation(failure)
      expect(await ask()).toEqual([200, { status: 'ok' }])
      const entry = { level: 'error', fields: { action: 'health:read' }, message: 'authorize failed' }
      expect(handlerLogger.entries).toMatchObject([entry])
      expectNoCanary(handlerLogger.entries, CANARY)
    }
  })

  it('is told as to a stranger where authorize throws at once', async () => {
    const { ask, authorize } = start()
    authorize.mockImplementation(() => {
      throw new Error(CANARY)
    })
    expect(await ask()).toEqual([200, { status: 'ok' }])
  })

  it('has the status of its GET on a HEAD, and no body', async () => {
    const { ask, ping, clock } = start({ principal: 'ops' })
    expect(await ask('HEAD')).toEqual([200, {}])
    ping.mockRejectedValue(DOWN)
    clock.ms += 1000
    expect(await ask('HEAD')).toEqual([503, {}])
  })
})

describe('the storage', () => {
  it('is asked at most once a second, whoever asks here and however many', async () => {
    const { ask, ping, authorize, clock } = start()
    await Promise.all(Array.from({ length: 50 }, () => ask()))
    authorize.mockReturnValue({ principal: 'ops' })
    clock.ms += 999
    await Promise.all(Array.from({ length: 50 }, () => ask()))
    expect(ping).toHaveBeenCalledOnce()
    clock.ms += 1
    await Promise.all(Array.from({ length: 50 }, () => ask()))
    expect(ping).toHaveBeenCalledTimes(2)
  })

  it('is asked at most once a second also where it is down', async () => {
    const { ask, ping, clock, logger } = start()
    ping.mockRejectedValue(DOWN)
    for (let asked = 0; asked < 50; asked += 1) expect(await ask()).toEqual([503, { status: 'unavailable' }])
    expect(ping).toHaveBeenCalledOnce()
    const entry = { level: 'error', fields: { code: 'storage_unavailable' }, message: 'the storage does not answer' }
    expect(logger.entries).toMatchObject([entry])
    ping.mockResolvedValue(undefined)
    clock.ms += 1000
    expect(await ask()).toEqual([200, { status: 'ok' }])
  })

  it('is asked again after the clock has gone back', async () => {
    const { ask, ping, clock } = start()
    await ask()
    clock.ms -= 3_600_000
    ping.mockRejectedValue(DOWN)
    expect(await ask()).toEqual([503, { status: 'unavailable' }])
  })

  it('is asked once for each storage', async () => {
    const { engine, ping, storage } = start()
    const other = { ...storage, ping: vi.fn(async () => {}) }
    await Promise.all([engine.health(), engine.withStorage(other).health()])
    expect(ping).toHaveBeenCalledOnce()
    expect(other.ping).toHaveBeenCalledOnce()
  })

  it('that fails with a secret leaves none of it in the log', async () => {
    const { ask, ping, logger } = start()
    ping.mockRejectedValue(new Error(`postgres://user:${CANARY}@host`))
    expect(await ask()).toEqual([503, { status: 'unavailable' }])
    expectNoCanary(logger.entries, CANARY)
  })
})

describe('Persona', () => {
  it('is asked at most once in 15 seconds, whoever asks here and however many', async () => {
    const { ask, persona, clock } = start()
    for (const ms of [0, 14_999]) {
      clock.ms += ms
      await Promise.all(Array.from({ length: 50 }, () => ask()))
    }
    expect(persona.health).toHaveBeenCalledOnce()
    clock.ms += 1
    await Promise.all(Array.from({ length: 50 }, () => ask()))
    expect(persona.health).toHaveBeenCalledTimes(2)
  })

  it('is asked again after the clock has gone back', async () => {
    const { ask, persona, clock } = start()
    await ask()
    clock.ms -= 3_600_000
    persona.health.mockResolvedValue({ status: 'unreachable', latencyMs: 1 })
    expect(await ask()).toEqual([503, { status: 'unavailable' }])
  })
})
