import type { Hex } from 'viem'
import { describe, expect, it } from 'vitest'
import { isCodeOf, loadContracts } from '../../src/deploy/contract-artifacts.js'

const ZEROS = '00'.repeat(32)
const VALUE = 'ab'.repeat(32)

const isOf = (deployedBytecode: string, code: string | undefined) =>
  isCodeOf({ bytecode: '0x00', deployedBytecode: `0x${deployedBytecode}` }, code === undefined ? code : `0x${code}`)

describe('isCodeOf', () => {
  it('compares every byte, whatever the case of its digits', () => {
    expect(isOf('60ab5f', '60AB5F')).toBe(true)
    for (const other of ['61ab5f', '60ac5f', '60ab5e', '60ab', '60ab5f00', '', undefined]) {
      expect(isOf('60ab5f', other)).toBe(false)
    }
  })

  it('lets an immutable be anything, and nothing beside it', () => {
    const artifact = `607f${'7f'}${ZEROS}5b7f${ZEROS}f3`
    expect(isOf(artifact, artifact)).toBe(true)
    expect(isOf(artifact, `607f7f${VALUE}5b7f${VALUE}f3`)).toBe(true)
    expect(isOf(artifact, `617f7f${VALUE}5b7f${VALUE}f3`)).toBe(false)
    expect(isOf(artifact, `607f7f${VALUE}5c7f${VALUE}f3`)).toBe(false)
    expect(isOf(artifact, `607f7f${VALUE}5b7f${VALUE}f4`)).toBe(false)
    expect(isOf(artifact, `607f7e${VALUE}5b7f${VALUE}f3`)).toBe(false)
  })

  it('does not take for an immutable what lies across bytes', () => {
    const artifact = `67f${ZEROS}0`
    expect(artifact.length % 2).toBe(0)
    expect(isOf(artifact, artifact)).toBe(true)
    expect(isOf(artifact, `67f${VALUE}0`)).toBe(false)
  })

  it('finds an immutable also right behind zeros across bytes', () => {
    const artifact = `67f0007f${ZEROS}`
    expect(isOf(artifact, `67f0007f${VALUE}`)).toBe(true)
  })
})

describe('loadContracts', () => {
  it('gives the contracts of the installed package with its version', () => {
    const contracts = loadContracts('@onchain-id/solidity', import.meta.dirname)
    expect(contracts).toMatchObject({ name: '@onchain-id/solidity', version: '2.2.1' })
    const { bytecode, deployedBytecode } = contracts.get('ClaimIssuer')
    for (const code of [bytecode, deployedBytecode]) expect(code satisfies Hex).toMatch(/^0x[0-9a-f]{1000}/)
  })

  it('names the version that has a contract which the installed one lacks', () => {
    expect(() => loadContracts('@onchain-id/solidity', '/').get('Bank')).toThrow(
      'The installed @onchain-id/solidity has no compiled contract Bank. Install the version that was tried: `npm install --save-dev @onchain-id/solidity@2.2.1`.',
    )
  })
})
