/** What tests use of src/framework/Http. */

export { action } from '../../../src/framework/Http/action.js';
export { banner } from '../../../src/framework/Http/banner.js';
export { HttpPipeline } from '../../../src/framework/Http/HttpPipeline.js';
export { HttpServer } from '../../../src/framework/Http/HttpServer.js';
export { HttpServiceProvider } from '../../../src/framework/Http/HttpServiceProvider.js';
export { isBelow } from '../../../src/framework/Http/isBelow.js';
export { type BodyLimits, jsonProblem } from '../../../src/framework/Http/jsonProblem.js';
export { ListenError } from '../../../src/framework/Http/ListenError.js';
export { middleware } from '../../../src/framework/Http/middleware.js';
export { Readiness } from '../../../src/framework/Http/Readiness.js';
export { handlersIn, routesOf } from '../../../src/framework/Http/routesOf.js';
export { weakEtag } from '../../../src/framework/Http/weakEtag.js';
