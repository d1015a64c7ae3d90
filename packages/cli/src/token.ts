import { randomBytes } from 'node:crypto'
import { hashToken } from '@persona-kyc/core'
import { defineCommand } from 'citty'

export const tokenCommand = defineCommand({
  meta: { name: 'token', description: 'Makes a bearer token, and the hash to keep in its place' },
  args: {},
  async run() {
    const token = randomBytes(32).toString('hex')
    console.log(`token  ${token}`)
    console.log(`hash   ${await hashToken(token)}`)
    console.log('Give the token to its bearer, and the hash to createBearerAuthorize. It is shown this once.')
    return 0
  },
})
