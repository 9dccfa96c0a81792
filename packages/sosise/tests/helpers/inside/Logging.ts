/** What tests use of src/Logging. */

export { Access } from '../../../src/Logging/Access.js';
export { accessLog } from '../../../src/Logging/accessLog.js';
export { ContextReader } from '../../../src/Logging/ContextReader.js';
export { jsonFormat, lineOf, readableFormat } from '../../../src/Logging/formats.js';
export { Logger, type LoggerOptions } from '../../../src/Logging/Logger.js';
export { LoggingServiceProvider, loggerOptions } from '../../../src/Logging/LoggingServiceProvider.js';
export { RotatingFile } from '../../../src/Logging/RotatingFile.js';
