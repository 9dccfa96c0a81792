import express, {
    type ErrorRequestHandler,
    type NextFunction,
    type Request,
    type RequestHandler,
    type Response,
} from 'express';
import { BadRequestException } from '../Exceptions/BadRequestException.js';
import type { Exception } from '../Exceptions/Exception.js';
import { PayloadTooLargeException } from '../Exceptions/PayloadTooLargeException.js';
import { UnsupportedMediaTypeException } from '../Exceptions/UnsupportedMediaTypeException.js';
import { inSequence } from './Fast/inSequence.js';
import { parseJson, plainJsonBody } from './Fast/plainJsonBody.js';
import { type BodyLimits, jsonProblem } from './jsonProblem.js';
import { isPrototypePath, keyOfField } from './prototypeKeys.js';

export interface ParserOptions {
    /** The largest body that is read: bytes, or a text such as `1mb`. */
    bodyLimit: number | string;
    bodyLimits: BodyLimits;
}

const JSON_TYPES = ['application/json', 'application/*+json'];
const FORM_TYPES = ['application/x-www-form-urlencoded'];

/** Express's own limit. The time that its parser takes grows with the square of the fields of one name. */
const MAX_FIELDS = 1_000;

/**
 * Reads JSON and form bodies into `request.body`. Where there is no body, or one of another type, it is an empty
 * object; a body that an earlier handler has read (a webhook's raw one, say) stays as it is. Hostile ones, and keys
 * that could reach a prototype, are refused before anything is made of them.
 */
export function parsers(options: ParserOptions): (RequestHandler | ErrorRequestHandler)[] {
    const { bodyLimit: limit } = options;
    const fields = Math.min(options.bodyLimits.keys, MAX_FIELDS);
    const readers = [
        refuseAnnounced(limit),
        express.json({
            limit,
            type: JSON_TYPES,
            verify: (_request, _response, bytes, charset) => checkJson(bytes, charset, options.bodyLimits),
        }),
        // Not extended: flat keys only, `a[b]` is one of them.
        express.urlencoded({
            limit,
            type: FORM_TYPES,
            extended: false,
            parameterLimit: fields,
            verify: (_request, _response, bytes) => checkForm(bytes, fields),
        }),
    ];
    const read = plainJsonBody(bytesOf(limit), (bytes) => checkedJson(bytes, options.bodyLimits), inSequence(readers));
    return [refusePrototypeQuery, whereThereIsABody(read), emptyBody, explainBodyError(options, fields)];
}

/** Most requests have none, and need not be asked by every parser. */
function whereThereIsABody(read: RequestHandler): RequestHandler {
    return function readBody(request, response, next) {
        const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
        if (length === undefined && coding === undefined) {
            next();
        } else {
            read(request, response, next);
        }
    };
}

/** What a query has to hold to be refused, plainly or in escapes. Express parses it each time it is asked for. */
const SUSPECT = /proto|%/;

function refusePrototypeQuery(request: Request, _response: Response, next: NextFunction): void {
    const refused =
        request.url.includes('?') && SUSPECT.test(request.url) && Object.keys(request.query).some(isPrototypePath);
    next(refused ? prototypeKey() : undefined);
}

/** Refuses a body whose announced length is over the limit. body-parser would say so once all of it has arrived. */
function refuseAnnounced(limit: number | string): RequestHandler {
    const bytes = bytesOf(limit);
    return function refuseAnnounced(request: Request, _response: Response, next: NextFunction): void {
        const tooLarge =
            Number(request.headers['content-length']) > bytes && request.is([...JSON_TYPES, ...FORM_TYPES]);
        next(tooLarge ? refusal('entity.too.large') : undefined);
    };
}

/** What a text such as `1mb` says. */
export function bytesOf(limit: number | string): number {
    const unit = ['b', 'kb', 'mb', 'gb'].indexOf(String(limit).replace(/[\d.]/g, '').toLowerCase());
    return Math.floor(Number.parseFloat(String(limit)) * 1024 ** Math.max(unit, 0));
}

function checkJson(bytes: Buffer, charset: string, limits: BodyLimits): void {
    // JSON is UTF-8 (RFC 8259); a key could hide from the check in UTF-7 and UTF-16.
    const problem = charset === 'utf-8' ? jsonProblem(bytes, limits) : 'charset.unsupported';
    if (problem) {
        throw refusal(problem);
    }
}

function checkedJson(bytes: Buffer, limits: BodyLimits): unknown {
    checkJson(bytes, 'utf-8', limits);
    try {
        return parseJson(bytes);
    } catch {
        throw refusal('entity.parse.failed');
    }
}

function checkForm(bytes: Buffer, maxFields: number): void {
    const fields = bytes.toString('latin1').split('&', maxFields + 1);
    if (fields.length > maxFields) {
        throw refusal('parameters.too.many');
    }
    if (fields.map(keyOfField).some(isPrototypePath)) {
        throw refusal('prototype.key');
    }
}

/** body-parser adds the whole body to an error that is thrown here: this one goes no further than explainBodyError. */
function refusal(type: string): Error {
    return Object.assign(new Error(type), { type });
}

function emptyBody(request: Request, _response: Response, next: NextFunction): void {
    request.body ??= {};
    next();
}

/** Plain sentences for what is refused. body-parser's own may quote the body, which can hold a password. */
function explainBodyError(options: ParserOptions, maxFields: number): ErrorRequestHandler {
    return function explainBodyError(error: unknown, request: Request, _response: Response, next: NextFunction): void {
        request.body ??= {};
        const type = (error as { type?: unknown } | null)?.type;
        next(explain(type, request, options, maxFields) ?? error);
    };
}

function explain(
    type: unknown,
    request: Request,
    { bodyLimit, bodyLimits: { depth, keys } }: ParserOptions,
    maxFields: number,
): Exception | undefined {
    switch (type) {
        case 'entity.parse.failed': {
            const expected = request.is(['json', '+json']) ? 'JSON' : 'form data';
            return new BadRequestException(`The request body is not valid ${expected}.`);
        }
        case 'json.too.deep':
            return new BadRequestException(`The request body is nested more than ${depth} levels deep.`);
        case 'prototype.key':
            return prototypeKey();
        case 'json.too.many':
            return new PayloadTooLargeException(`The request body has more than ${keys} keys and list items.`);
        case 'parameters.too.many':
            return new PayloadTooLargeException(`The form has more than ${maxFields} fields.`);
        case 'entity.too.large': {
            const size = typeof bodyLimit === 'number' ? `${bodyLimit} bytes` : bodyLimit;
            return new PayloadTooLargeException(`The request body is larger than the limit of ${size}.`);
        }
        case 'charset.unsupported':
        case 'encoding.unsupported':
            return new UnsupportedMediaTypeException('The charset or encoding of the request body is not supported.');
        default:
            return undefined;
    }
}

function prototypeKey(): Exception {
    return new BadRequestException('The request has a key that is not allowed: __proto__ or constructor.prototype.');
}
