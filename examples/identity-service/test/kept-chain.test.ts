import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLocalChainAvailable } from '@persona-kyc/testing/evm'
import { createPublicClient, http } from 'viem'
import { describe, expect, it } from 'vitest'
import { startKeptChain } from '../src/kept-chain.js'
import { startLocalDeployment } from '../src/local-deployment.js'

const NAME = 'a chain that is kept in a directory (skipped where @foundry-rs/anvil has no program)'

describe.skipIf(!isLocalChainAvailable())(NAME, () => {
  it('is for one process at a time', async ({ onTestFinished }) => {
    const directory = await createDirectory(onTestFinished)
    const starts = await Promise.allSettled([startKeptChain(directory), startKeptChain(directory)])
    const [started, ...others] = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
    await started?.chain.stop()
    expect({ isNew: started?.isNew, others }).toEqual({ isNew: true, others: [] })
    expect(starts.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { message: expect.stringContaining('is in use') },
    })
  })

  it('has its contracts deployed once, and anew where its state was lost', async ({ onTestFinished }) => {
    const directory = await createDirectory(onTestFinished)
    const deploy = async () => {
      const lines: string[] = []
      const local = await startLocalDeployment({ directory, confirmations: 1, onLine: (line) => void lines.push(line) })
      await local.close()
      return { claimIssuer: local.claimIssuer, url: local.url, lines: lines.length }
    }
    const first = await deploy()
    expect(await deploy()).toEqual({ ...first, lines: 1 })
    await rm(join(directory, 'state.json'))
    expect(await deploy()).toEqual(first)
    expect(JSON.parse(await readFile(join(directory, 'addresses.json'), 'utf8'))).toMatchObject({ complete: true })
  })

  it('can be read at its newest confirmed block where it goes on', async ({ onTestFinished }) => {
    const directory = await createDirectory(onTestFinished)
    const options = { directory, confirmations: 3 }
    await (await startLocalDeployment(options)).close()
    const { url, claimIssuer: address, close } = await startLocalDeployment(options)
    onTestFinished(close)
    const client = createPublicClient({ transport: http(url) })
    const blockNumber = (await client.getBlockNumber()) - 2n
    expect(await client.getCode({ address, blockNumber })).toMatch(/^0x\w{100}/)
  })
})

async function createDirectory(onTestFinished: (cleanup: () => Promise<void>) => void): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'persona-kyc-chain-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}
