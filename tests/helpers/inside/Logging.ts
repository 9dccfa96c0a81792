/** What tests use of src/framework/Logging. */

export { accessLog } from '../../../src/framework/Logging/accessLog.js';
export { ContextReader } from '../../../src/framework/Logging/ContextReader.js';
export { jsonFormat, lineOf, readableFormat } from '../../../src/framework/Logging/formats.js';
export { Logger, type LoggerOptions } from '../../../src/framework/Logging/Logger.js';
export { LoggingServiceProvider, loggerOptions } from '../../../src/framework/Logging/LoggingServiceProvider.js';
export { RotatingFile } from '../../../src/framework/Logging/RotatingFile.js';
