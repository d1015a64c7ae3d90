import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLocalChainAvailable } from '@persona-kyc/testing/evm'
import { getAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { toFakeWallet } from '../src/wallets.js'
import { createChainReader } from './chain-reader.js'
import { CLAIM_TOKEN, startKycService } from './kyc-service.js'
import { startWorker, startWorkerByNpm, type WorkerProcess } from './worker-process.js'

describe.skipIf(!isLocalChainAvailable())(
  'npm run start:identity with a chain and a database of its own (skipped where @foundry-rs/anvil has no program)',
  () => {
    it('goes on with both where it was killed, and takes both with it when it ends', { timeout: 120_000 }, async ({
      onTestFinished,
    }) => {
      const kyc = await startKycService()
      onTestFinished(kyc.close)
      const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-identity-'))
      onTestFinished(() => rm(directory, { recursive: true, force: true }))
      // As root, PostgreSQL runs as another account.
      await chmod(directory, 0o755)
      const environment = {
        KYC_DATA_DIR: directory,
        KYC_API_URL: kyc.url,
        KYC_API_TOKEN: CLAIM_TOKEN,
        KYC_API_POLL_SECONDS: '1',
        LEASE_SECONDS: '2',
      }
      const user = { id: 'user_1', ...toFakeWallet({ userId: 'user_1' }) }
      const first = startWorker(environment)
      onTestFinished(() => void first.stop('SIGKILL'))
      const caseId = await kyc.initiate(user)
      await kyc.simulate(caseId, 'start_inquiry', 'complete_inquiry')
      const { kyc_claim_tx_hash: hash } = await kyc.waitForCase(caseId, (found) => found.kyc_claim_id !== null)
      const url = await findUrl(first)
      expect(await first.stop('SIGKILL')).toBeNull()

      const second = startWorkerByNpm(environment)
      onTestFinished(() => void second.stop('SIGKILL'))
      expect(await findUrl(second)).toBe(url)
      const [, claimIssuer = '', factory = ''] = await second.waitFor(/"claimIssuer":"(\w+)","identityFactory":"(\w+)"/)
      const reader = createChainReader({ url, claimIssuer: getAddress(claimIssuer), factory: getAddress(factory) })
      const claim = await reader.getClaim(await reader.findIdentity(user.wallet))
      expect(await reader.validate(claim)).toEqual([true, true, true, true])
      await kyc.simulate(caseId, 'decline_inquiry')
      await kyc.waitForCase(caseId, (found) => found.kyc_claim_id === null)
      expect(await reader.validate(claim)).toEqual([false, false, false, false])
      expect(await reader.listAddedClaims()).toMatchObject([{ hash }])

      const [, pid = ''] = await second.waitFor(/"pid":(\d+)/)
      expect(await second.stop('SIGTERM')).toBe(0)
      expect(second.output()).toContain('"msg":"stopped"')
      expect(() => process.kill(Number(pid), 0)).toThrow(/ESRCH/)
      await expect(reader.client.getBlockNumber()).rejects.toThrow()
    })
  },
)

async function findUrl(worker: WorkerProcess): Promise<string> {
  const [, url = ''] = await worker.waitFor(/"url":"([^"]+)","chainId":31337/)
  return url
}
