import { createHmac } from 'node:crypto'
import type { KycStorage } from '@persona-kyc/core'
import fc from 'fast-check'
import { vi } from 'vitest'
import { histories } from './history.js'
import { expectTruth } from './oracle.js'
import { play, SECRET } from './world.js'

const { SIMULATE_SEED, SIMULATE_PATH } = process.env

/** How many histories to play: as many as that variable says, else so many. */
export function toRuns(variable: 'SIMULATE_HISTORIES' | 'SIMULATE_POSTGRES_HISTORIES', fallback: number): number {
  return Number(process.env[variable] ?? fallback)
}

/**
 * Plays histories, each on a storage of its own, and compares each with the oracle. One that fails is reduced to the
 * shortest that still fails, and told with its seed and path: SIMULATE_SEED and SIMULATE_PATH play it again.
 */
export async function simulate(runs: number, createStorage: () => Promise<KycStorage>): Promise<void> {
  const seed = SIMULATE_SEED === undefined ? 20_260_101 : Number(SIMULATE_SEED)
  const startedAt = Date.now()
  let played = 0
  await withSynchronousSignatures(() =>
    fc.assert(
      fc.asyncProperty(histories, async (history) => {
        await expectTruth(await play(history, await createStorage()))
        played += 1
        if (played % 10_000 === 0)
          process.stdout.write(`${played} histories in ${Math.round((Date.now() - startedAt) / 1000)} s\n`)
      }),
      { numRuns: runs, seed, ...(SIMULATE_PATH !== undefined && { path: SIMULATE_PATH }) },
    ),
  )
}

/** WebCrypto answers from another thread, whenever that is done: then nothing would happen twice in the same order. */
export async function withSynchronousSignatures(work: () => Promise<void>): Promise<void> {
  const { importKey, sign } = crypto.subtle
  const keys = new WeakMap<object, Uint8Array>()
  const importing = vi.spyOn(crypto.subtle, 'importKey').mockImplementation(async (...args: unknown[]) => {
    const bytes = new Uint8Array(args[1] as ArrayBuffer)
    // Others sign too: the driver of PostgreSQL, with its password.
    if (new TextDecoder().decode(bytes) !== SECRET) return Reflect.apply(importKey, crypto.subtle, args)
    const key = {} as CryptoKey
    keys.set(key, bytes)
    return key
  })
  const signing = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (algorithm, key, message) => {
    const bytes = keys.get(key)
    if (bytes === undefined) return Reflect.apply(sign, crypto.subtle, [algorithm, key, message])
    const digest = createHmac('sha256', bytes)
      .update(new Uint8Array(message as ArrayBuffer))
      .digest()
    return new Uint8Array(digest).buffer
  })
  try {
    await work()
  } finally {
    importing.mockRestore()
    signing.mockRestore()
  }
}
