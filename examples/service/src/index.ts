export { type Configuration, readConfiguration } from './configuration.js'
export { type Database, openDatabase } from './database.js'
export {
  databaseVariables,
  type Environment,
  EnvironmentError,
  findDatabaseMistakes,
  type LogLevel,
  logLevelVariable,
  parseEnvironment,
} from './environment.js'
export { createPrinter, type Printer } from './printer.js'
export { runServer, type ServerDefinition, toStartMessage, untilStopped } from './run-server.js'
export { type Service, startService } from './service.js'
export { callApi, createStageConfiguration, openStage, type Stage, simulate } from './stage.js'
