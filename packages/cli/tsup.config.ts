import { definePackage } from '../../tsup.base.js'

export default definePackage({ entry: ['src/main.ts'], platform: 'node', format: ['esm'], dts: false })
