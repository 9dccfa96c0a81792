/** What tests use of src/Http. */

export { action } from '../../../src/Http/action.js';
export { banner } from '../../../src/Http/banner.js';
export { weakEtag } from '../../../src/Http/Fast/answerJson.js';
export { validHeaders } from '../../../src/Http/Fast/validHeaders.js';
export { httpConfig } from '../../../src/Http/HttpConfig.js';
export { HttpPipeline } from '../../../src/Http/HttpPipeline.js';
export { HttpServer } from '../../../src/Http/HttpServer.js';
export { HttpServiceProvider } from '../../../src/Http/HttpServiceProvider.js';
export { isBelow } from '../../../src/Http/isBelow.js';
export { type BodyLimits, jsonProblem } from '../../../src/Http/jsonProblem.js';
export { ListenError } from '../../../src/Http/ListenError.js';
export { middleware } from '../../../src/Http/middleware.js';
export { Readiness } from '../../../src/Http/Readiness.js';
export { handlersIn, routesOf } from '../../../src/Http/routesOf.js';
