export { createKnexStorage, type KnexStorageOptions } from './knex-storage.js'
export { listMigrations, type MigrateOptions, type MigrationState, migrate, rollback } from './migrate.js'
export { type AfterCreate, endSilentConnections } from './silent-connections.js'
