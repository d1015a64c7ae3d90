import { createMemoryStorage } from '@persona-kyc/core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { SKIPPED, startTestChain, type TestChain } from './local-chain.js'
import { histories } from './simulation/history.js'
import { expectTruth } from './simulation/oracle.js'
import { play } from './simulation/play.js'

const { SIMULATE_CLAIMS = '10', SIMULATE_SEED = '20260101', SIMULATE_PATH } = process.env

describe.skipIf(SKIPPED !== null)(
  `the Identity Service in simulated worlds${SKIPPED === null ? '' : ` (${SKIPPED})`}`,
  () => {
    let chain: TestChain
    beforeAll(async () => {
      chain = await startTestChain()
      await chain.test.setAutomine(false)
    })
    afterAll(() => chain.local.stop())

    it('ends with one claim for each verified case and none for any other, whatever happens', {
      timeout: 3_600_000,
    }, async () => {
      let played = 0
      const startedAt = Date.now()
      await fc.assert(
        fc.asyncProperty(histories, async (history) => {
          const snapshot = await chain.test.snapshot()
          const log: string[] = []
          try {
            const world = await play(history, { chain, storage: createMemoryStorage(), log })
            await expectTruth(world)
          } catch (error) {
            if (process.env.SIMULATE_LOG) process.stdout.write(`${log.join('\n')}\n${String(error)}\n`)
            throw error
          } finally {
            await chain.test.revert({ id: snapshot })
          }
          played += 1
          if (played % 10 === 0)
            process.stdout.write(`${played} histories in ${Math.round((Date.now() - startedAt) / 1000)} s\n`)
        }),
        {
          numRuns: Number(SIMULATE_CLAIMS),
          seed: Number(SIMULATE_SEED),
          endOnFailure: process.env.SIMULATE_LOG !== undefined,
          ...(SIMULATE_PATH !== undefined && { path: SIMULATE_PATH }),
        },
      )
    })
  },
)
