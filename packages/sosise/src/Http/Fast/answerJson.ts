import { hash } from 'node:crypto';
import express, { type Application, type Response } from 'express';
import { endsPlainly } from '../ResponseGate.js';
import { validHeaders } from './validHeaders.js';

const { json, send, set, get } = express.response;
const JSON_TYPE = 'application/json; charset=utf-8';
const setHeaders = validHeaders('Content-Type', 'Content-Length', 'ETag');
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * `response.json()` of nearly all answers, in one go: the headers and the body that Express gives, which asks for
 * the content type four times, parses it twice, and makes a Buffer of the text: 14 to 20 µs of CPU a request more on Node.js 24,
 * 10 to 20 on 26. It can go when Express does no more than this. Where anything is set that makes a difference, Express's own runs.
 */
export function answerJson(this: Response, body: unknown): Response {
    const text = isUsual(this) ? JSON.stringify(body) : undefined;
    if (text === undefined) {
        return json.call(this, body);
    }
    const length = Buffer.byteLength(text);
    const { headers } = this.req;
    // Whether the client may have this answer already, which Express would ask at more length.
    const mayBeKnown = headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined;
    setHeaders(this, JSON_TYPE, String(length), weakEtag(text));
    if (mayBeKnown && this.req.fresh) {
        this.status(304);
        this.removeHeader('Content-Type');
        this.removeHeader('Content-Length');
        this.end();
    } else {
        // Node.js sends the headers in the encoding of a text that they leave with: theirs is Latin-1.
        this.end(length === text.length ? text : Buffer.from(text), 'latin1');
    }
    return this;
}

/** What decides is looked at with each answer: a route may set it, and an application later. */
function isUsual(response: Response): boolean {
    const { settings } = response.app as Application & { settings: Record<string, unknown> };
    return (
        settings['etag fn'] === weakEtag &&
        !settings['json escape'] &&
        !settings['json replacer'] &&
        !settings['json spaces'] &&
        isUntouched(response) &&
        response.req.method !== 'HEAD' &&
        !WITHOUT_BODY.has(response.statusCode) &&
        !response.hasHeader('content-type') &&
        !response.hasHeader('etag') &&
        !response.hasHeader('transfer-encoding')
    );
}

/** Whether nobody has put functions of his own in the place of those that Express calls. Its `end()` gets a Buffer. */
function isUntouched(response: Response): boolean {
    return response.send === send && response.set === set && response.get === get && endsPlainly(response);
}

/** The characters of a SHA-1 in base64 without its padding. */
const HASH_LENGTH = 27;

/**
 * The ETag that Express makes by default, character for character, with one call in place of a hash object, which is
 * made and collected: 0.4 instead of 0.6 µs for a short answer on Node.js 24, 0.4 instead of 0.9 on 26.
 */
export function weakEtag(body: string | Buffer, encoding?: BufferEncoding): string {
    const isText = typeof body === 'string' && (encoding === undefined || encoding === 'utf8');
    const bytes = isText || typeof body !== 'string' ? body : Buffer.from(body, encoding);
    const length = isText ? Buffer.byteLength(body) : bytes.length;
    const text = length === 0 ? '2jmj7l5rSw0yVb/vlWAYkK/YBwk' : hash('sha1', bytes, 'base64').slice(0, HASH_LENGTH);
    return `W/"${length.toString(16)}-${text}"`;
}
