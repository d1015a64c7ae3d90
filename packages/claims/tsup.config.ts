import { definePackage } from '../../tsup.base.js'

export default definePackage({ entry: ['src/index.ts', 'src/deploy.ts', 'src/main.ts'], platform: 'node' })
