import type { KycStorage, NewCase } from '@persona-kyc/core'
import { expect } from 'vitest'
import { at, newCase } from './builders.js'
import { RACE_ROUNDS, together } from './concurrency.js'
import { type ConformanceCase, check } from './conformance-case.js'
import { requireFound } from './found-value.js'
import { listAll } from './pages.js'
import { addCase, move } from './steps.js'

/** Who gets a new case, and who one that is there. */
export const caseCreationCases: readonly ConformanceCase[] = [
  check('createCase gives a user with an open case that one, unchanged', async (storage) => {
    const first = await storage.createCase(newCase('a', { userId: 'user' }))
    const second = await storage.createCase(newCase('b', { userId: 'user', documentType: 'visa', createdAt: at(9) }))
    expect(second).toEqual({ kycCase: first.kycCase, created: false })
    expect(await storage.getCase('b')).toBeNull()
  }),

  check('createCase gives a user in review that case, and one with a decided case a new one', async (storage) => {
    for (const status of ['completed', 'approved', 'failed', 'declined', 'needs_review', 'pending'] as const) {
      await addCase(storage, status)
      await move(storage, status, status, 1)
      const userId = `user-${status}`
      const isOpen = status === 'needs_review' || status === 'pending'
      const again = await storage.createCase(newCase(`${status}-2`, { userId }))
      expect({ status, created: again.created, id: again.kycCase.id }).toEqual({
        status,
        created: !isOpen,
        id: isOpen ? status : `${status}-2`,
      })
    }
  }),

  check('createCase finds the case of an idempotency key before the open one, also a closed one', async (storage) => {
    const options = { userId: 'user', idempotencyKey: 'key-a' }
    await addCase(storage, 'a', options)
    const { kycCase: closed } = await move(storage, 'a', 'declined', 1)
    await addCase(storage, 'b', { userId: 'user', idempotencyKey: 'key-b' })
    expect(await storage.createCase(newCase('c', options))).toEqual({ kycCase: closed, created: false })
    const byOpen = await storage.createCase(newCase('c', { userId: 'user', idempotencyKey: 'key-c' }))
    expect(byOpen).toMatchObject({ created: false, kycCase: { id: 'b' } })
  }),

  check('createCase finds an erased case by its idempotency key only', async (storage) => {
    await addCase(storage, 'a', { userId: 'user', idempotencyKey: 'key-a' })
    const erased = await storage.eraseCase('a', at(2))
    const byKey = await storage.createCase(newCase('b', { userId: 'user', idempotencyKey: 'key-a' }))
    expect(byKey).toEqual({ kycCase: erased, created: false })
    expect((await storage.createCase(newCase('b', { userId: 'user' }))).created).toBe(true)
  }),

  check('createCase keeps the same idempotency key of two users apart', async (storage) => {
    await addCase(storage, 'a', { idempotencyKey: 'key' })
    expect((await storage.createCase(newCase('b', { idempotencyKey: 'key' }))).created).toBe(true)
  }),

  check('createCase gives 50 concurrent callers one case', async (storage) => {
    for (let round = 0; round < RACE_ROUNDS; round++) {
      await expectOneCase(storage, `no key ${round}`, () => null)
      await expectOneCase(storage, `one key ${round}`, () => 'key')
      await expectOneCase(storage, `keys ${round}`, (index) => `key-${index}`)
    }
  }),

  check('createCase gives 50 concurrent callers the closed case of their idempotency key', async (storage) => {
    await addCase(storage, 'a', { userId: 'user', idempotencyKey: 'key' })
    await move(storage, 'a', 'approved', 1)
    const answers = await together(50, (index) =>
      storage.createCase(newCase(`case-${index}`, { userId: 'user', idempotencyKey: 'key' })),
    )
    expect(answers.filter(({ created, kycCase }) => created || kycCase.id !== 'a')).toEqual([])
  }),

  check('createCase gives 50 concurrent users a case each', async (storage) => {
    const answers = await together(50, (index) => storage.createCase(newCase(`case-${index}`)))
    expect(answers.map(({ created, kycCase }) => [created, kycCase.id, kycCase.userId])).toEqual(
      answers.map((_, index) => [true, `case-${index}`, `user-case-${index}`]),
    )
  }),
]

async function expectOneCase(
  storage: KycStorage,
  userId: string,
  toKey: (index: number) => NewCase['idempotencyKey'],
): Promise<void> {
  const answers = await together(50, (index) =>
    storage.createCase(newCase(`${userId}-${index}`, { userId, idempotencyKey: toKey(index) })),
  )
  const winner = requireFound(answers.find(({ created }) => created)).kycCase
  expect(answers.filter(({ created }) => created)).toHaveLength(1)
  expect(answers.map(({ kycCase }) => kycCase)).toEqual(answers.map(() => winner))
  const stored = await listAll(storage, {})
  expect(stored.filter((kycCase) => kycCase.userId === userId)).toEqual([winner])
}
