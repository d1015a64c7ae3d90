export { type Configuration, readConfiguration } from './configuration.js'
export { type Database, openDatabase } from './database.js'
export {
  databaseUrlVariable,
  type Environment,
  EnvironmentError,
  type LogLevel,
  logLevelVariable,
  parseEnvironment,
} from './environment.js'
export { createPrinter, type Printer } from './printer.js'
export { runServer, type ServerDefinition, toStartMessage, untilStopped } from './run-server.js'
export { type Service, startService } from './service.js'
export { callApi, createStageConfiguration, openStage, type Stage, simulate } from './stage.js'
