import { createHmac } from 'node:crypto'
import type { KycStorage } from '@persona-kyc/core'
import fc from 'fast-check'
import { vi } from 'vitest'
import { histories } from './history.js'
import { expectTruth } from './oracle.js'
import { play } from './world.js'

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
  const restore = makeSignaturesSynchronous()
  const startedAt = Date.now()
  let played = 0
  try {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        await expectTruth(await play(history, await createStorage()))
        played += 1
        if (played % 10_000 === 0)
          process.stdout.write(`${played} histories in ${Math.round((Date.now() - startedAt) / 1000)} s\n`)
      }),
      { numRuns: runs, seed, ...(SIMULATE_PATH !== undefined && { path: SIMULATE_PATH }) },
    )
  } finally {
    restore()
  }
}

/** WebCrypto answers from another thread, whenever that is done: then nothing would happen twice in the same order. */
function makeSignaturesSynchronous(): () => void {
  const keys = new WeakMap<object, Uint8Array>()
  const importKey = vi.spyOn(crypto.subtle, 'importKey').mockImplementation(async (_format, bytes) => {
    const key = {} as CryptoKey
    keys.set(key, new Uint8Array(bytes as ArrayBuffer))
    return key
  })
  const sign = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (_algorithm, key, message) => {
    const digest = createHmac('sha256', keys.get(key) ?? new Uint8Array())
      .update(new Uint8Array(message as ArrayBuffer))
      .digest()
    return new Uint8Array(digest).buffer
  })
  return () => {
    importKey.mockRestore()
    sign.mockRestore()
  }
}
