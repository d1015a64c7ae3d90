import { describe, expect, it } from 'vitest'
import { CANARIES } from './canaries.js'
import { ADAPTERS } from './canary-adapters.js'
import { toJson, withWorld } from './canary-world.js'
import { PROVOCATIONS } from './provocations.js'

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))('%s', (_, adapter) => {
  const possible = PROVOCATIONS.filter(({ isFor = () => true }) => isFor(adapter))

  it.each(possible.map((provocation) => [provocation.code, provocation.name, provocation] as const))(
    'answers %s, and shows no canary anywhere: %s',
    async (code, __, { error, options, play }) => {
      await withWorld(adapter, options?.() ?? {}, async (world) => {
        const answer = await play(world)
        if (answer !== null) expect(toJson(answer)).toMatchObject({ code })
        if (error !== undefined) expect(world.listErrorCodes()).toContain(error)
        expect(await world.findLeaks()).toEqual([])
      })
    },
  )

  it('shows no canary anywhere where all goes well', async () => {
    await withWorld(adapter, { handler: { docs: 'authorized' } }, async (world) => {
      const { ask, createCase, move, fake, initiate } = world
      const { caseId, inquiryId } = await createCase()
      const path = `/compliance/kyc/${caseId}`
      await fake.inquiries.open(inquiryId)
      await ask('POST', `${path}/resume`)
      await initiate()
      await ask('GET', path)
      await move(inquiryId, 'completed')
      await ask('POST', `${path}/mark-for-review`, { body: { comment: CANARIES.comment } })
      await ask('POST', `${path}/approve`, { body: { comment: CANARIES.comment } })
      await ask('PUT', `${path}/claim`, { body: { kyc_claim_id: '0x1', kyc_claim_tx_hash: '0x2' } })
      for (const list of ['kyc', 'kyc?claim=present', 'events', 'audit', 'openapi.json', 'docs']) {
        await ask('GET', `/compliance/${list}`)
      }
      await ask('GET', `${path}/events`)
      await ask('HEAD', path)
      await ask('DELETE', `${path}/claim?kyc_claim_id=0x1&kyc_claim_tx_hash=0x2`)
      await ask('DELETE', path)
      await ask('GET', '/webhooks/persona/health')
      expect(world.log.entries.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([])
      expect(await world.findLeaks()).toEqual([])
    })
  })
})
