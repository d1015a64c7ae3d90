export {
  checkEventMonths,
  type EventMonths,
  type RetainOptions,
  type RetainReport,
  retainEvents,
} from './event-months.js'
export { checkFeed, type FeedHealth, mendFeed } from './feed-health.js'
export { createGrants, type GrantOptions, readRole } from './grants.js'
export { createKnexStorage, type KnexStorageOptions } from './knex-storage.js'
export {
  listMigrations,
  MIGRATION_NAMES,
  type MigrateOptions,
  type MigrationState,
  migrate,
  rollback,
} from './migrate.js'
export { type AfterCreate, endSilentConnections } from './silent-connections.js'
