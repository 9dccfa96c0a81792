/**
 * Node's module `http`, for its values. A plain import reads all that it exports, and its WebSocket loads undici: 31 ms of each
 * start on Node.js 24 and 26.
 */
export const http = process.getBuiltinModule('node:http');
