import { definePackage } from '../../tsup.base.js'

export default definePackage({
  entry: [
    ...['src/index.ts', 'src/client.ts', 'src/signature.ts', 'src/events.ts', 'src/status.ts', 'src/jwt.ts'],
    'src/kyc-api.ts',
  ],
})
