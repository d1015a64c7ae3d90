export { createKnexStorage, type KnexStorageOptions } from './knex-storage.js'
export { listMigrations, type MigrateOptions, type MigrationState, migrate, rollback } from './migrate.js'
