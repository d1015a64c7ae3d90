import { definePackage } from '../../tsup.base.js'

export default definePackage({
  entry: ['src/index.ts', 'src/evm.ts', 'src/msw.ts', 'src/postgres.ts', 'src/storage-conformance.ts'],
  platform: 'node',
})
