import { migrate } from '@persona-kyc/storage-knex'
import { createDatabase } from '@persona-kyc/testing/postgres'
import type { Knex } from 'knex'
import { inject } from 'vitest'
import { toRoleUrl } from './app-role.js'

/** A database for one test file, where TEST_LEAST_PRIVILEGE decides who the app is. */
export interface AppDatabase {
  /** For migrations, catalogs and what a test does to tables by hand: the owner of all. */
  readonly ownerUrl: string
  /** For whatever runs a storage: the role of least privilege, or the owner where none is asked for. */
  readonly appUrl: string
  /** The variables that point a server here. It migrates as the owner. */
  readonly environment: Readonly<Record<string, string>>
  /** Resolves when the database is gone. */
  drop(): Promise<void>
}

/** Creates an empty one. */
export async function createAppDatabase(): Promise<AppDatabase> {
  const { url, drop } = await createDatabase(inject('databaseUrl'))
  const role = inject('appRole')
  if (role === null) return { ownerUrl: url, appUrl: url, environment: { DATABASE_URL: url }, drop }
  const appUrl = toRoleUrl(url, role)
  return { ownerUrl: url, appUrl, environment: { DATABASE_URL: appUrl, MIGRATION_DATABASE_URL: url }, drop }
}

/** Migrates as the owner, and grants the app's role what it needs. */
export function migrateForApp(owner: Knex, schema = 'persona_kyc'): Promise<string[]> {
  return migrate({ knex: owner, schema, grantTo: inject('appRole')?.name })
}
