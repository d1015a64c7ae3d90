export { type Configuration, EnvironmentError, readConfiguration } from './configuration.js'
export { runServer, type ServerDefinition, toStartMessage } from './run-server.js'
export { type Service, startService } from './service.js'
