import { MiddlewareClass } from 'sosise';
import ExampleMiddleware from './ExampleMiddleware.js';

/** These run before every route, in this order. For one route: router.get('/', middleware(ExampleMiddleware), …). */
const middlewares: MiddlewareClass[] = [ExampleMiddleware];

export default middlewares;
