import { createMemoryStorage } from '@persona-kyc/core'
import { describeStorage } from '@persona-kyc/testing/storage-conformance'

describeStorage('memory storage', { create: async () => createMemoryStorage() })
