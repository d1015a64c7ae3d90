import { expect, it } from 'vitest'
import { attackSignatures } from '../packages/core/test/signature-attack/attack.js'
import { tell, toRounds } from './rounds.js'

const FORGERIES = toRounds(1_000_000)
const SEED = Number(process.env.ATTACK_SEED ?? Math.floor(Math.random() * 2 ** 32))

it(`${FORGERIES} forged deliveries are refused, none with an exception, and each as an oracle says`, async () => {
  tell(`ATTACK_SEED=${SEED} repeats this`)
  const startedAt = performance.now()
  const { forged, harmless, controls, verdicts, mutations, failures } = await attackSignatures({
    count: FORGERIES,
    seed: SEED,
  })
  const seconds = (performance.now() - startedAt) / 1000
  const rate = Math.round((forged + harmless + controls) / seconds)
  tell(`${forged} forged, ${harmless} changed without harm, ${controls} left as they are`)
  tell(`${seconds.toFixed(1)} s, ${rate} deliveries a second; what was mutated was ${JSON.stringify(verdicts)}`)
  tell(JSON.stringify(mutations))
  expect(failures).toEqual([])
  expect(forged).toBeGreaterThanOrEqual(FORGERIES)
  expect(verdicts.accepted).toBe(harmless)
})
