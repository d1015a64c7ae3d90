import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadAccount } from '../src/account.js'
import { loadWallets, toFakeWallet } from '../src/wallets.js'

const WALLET = '0x1111111111111111111111111111111111111111'
const KYC_CASE = { caseId: 'case', userId: 'user', revision: 1, verifiedAt: new Date(0), claim: null }

let directory: string
let modules = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'persona-kyc-modules-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Resolves with the path of a new ES module. */
async function write(text: string): Promise<string> {
  modules += 1
  const path = join(directory, `${modules}.mjs`)
  await writeFile(path, text)
  return path
}

describe('USER_WALLETS_MODULE', () => {
  it.each([
    [`({ userId }) => userId === 'user' ? { wallet: '${WALLET}' } : null`, { wallet: WALLET }],
    [`async () => ({ identity: '${WALLET}', more: 1 })`, { identity: WALLET }],
    ['() => null', null],
  ])('may answer as %s does', async (code, choice) => {
    const resolveIdentity = await loadWallets(await write(`export default ${code}`))
    expect(await resolveIdentity(KYC_CASE)).toEqual(choice)
  })

  it.each(['() => undefined', '() => ({})', "() => ({ wallet: 'canary' })", '() => ({ wallet: null })'])(
    'is told so where it answers as %s does',
    async (code) => {
      const resolveIdentity = await loadWallets(await write(`export default ${code}`))
      const refusal = Promise.resolve().then(() => resolveIdentity(KYC_CASE))
      await expect(refusal).rejects.toMatchObject({
        code: 'argument_invalid',
        message: expect.not.stringContaining('canary'),
      })
    },
  )

  it.each([
    ['export const wallets = 1', /USER_WALLETS_MODULE: the module has no default export/],
    ['export default {}', /USER_WALLETS_MODULE: the default export must be a function/],
    ["throw new TypeError('canary')", /USER_WALLETS_MODULE: the module cannot be loaded \(TypeError\)/],
  ])('is refused as %j', async (text, message) => {
    const refusal = loadWallets(await write(text))
    await expect(refusal).rejects.toThrow(message)
    await expect(refusal).rejects.not.toThrow(/canary/)
  })
})

describe('ISSUER_ACCOUNT_MODULE', () => {
  const ACCOUNT = `{ type: 'local', address: '${WALLET}', signMessage() {}, signTransaction() {} }`

  it.each([ACCOUNT, `() => (${ACCOUNT})`, `async () => (${ACCOUNT})`])('may export %s', async (code) => {
    expect(await loadAccount({ module: await write(`export default ${code}`) })).toMatchObject({ address: WALLET })
  })

  it.each([
    [`{ type: 'json-rpc', address: '${WALLET}' }`, /ISSUER_ACCOUNT_MODULE: the default export must be an account/],
    ['() => null', /ISSUER_ACCOUNT_MODULE: the default export must be an account/],
    ["() => { throw new RangeError('canary') }", /ISSUER_ACCOUNT_MODULE: the default export failed \(RangeError\)/],
  ])('is refused as %j', async (code, message) => {
    const refusal = loadAccount({ module: await write(`export default ${code}`) })
    await expect(refusal).rejects.toThrow(message)
    await expect(refusal).rejects.not.toThrow(/canary/)
  })
})

describe('a made-up wallet', () => {
  it('is always the same for a user, and another one for another', () => {
    expect(toFakeWallet({ userId: 'user' })).toEqual(toFakeWallet({ userId: 'user' }))
    expect(toFakeWallet({ userId: 'user' })).not.toEqual(toFakeWallet({ userId: 'user2' }))
  })
})
