import express, {
    type ErrorRequestHandler,
    type NextFunction,
    type Request,
    type RequestHandler,
    type Response,
} from 'express';
import { BadRequestException } from '../Exceptions/BadRequestException.js';
import { PayloadTooLargeException } from '../Exceptions/PayloadTooLargeException.js';
import { UnsupportedMediaTypeException } from '../Exceptions/UnsupportedMediaTypeException.js';

export interface ParserOptions {
    /** The largest body that is read: bytes, or a text such as `1mb`. */
    bodyLimit: number | string;
}

/**
 * Reads JSON and form bodies into `request.body`. Where there is no body, or one of another type, it is an empty
 * object; a body that an earlier handler has read (a webhook's raw one, say) stays as it is.
 */
export function parsers({ bodyLimit }: ParserOptions): (RequestHandler | ErrorRequestHandler)[] {
    return [
        express.json({ limit: bodyLimit, type: ['application/json', 'application/*+json'] }),
        // Not extended: flat keys only, `a[b]` is one of them.
        express.urlencoded({ limit: bodyLimit, extended: false }),
        emptyBody,
        explainBodyError(bodyLimit),
    ];
}

function emptyBody(request: Request, _response: Response, next: NextFunction): void {
    request.body ??= {};
    next();
}

/** Plain sentences for what body-parser refuses. Its own may quote the body, which can hold a password. */
function explainBodyError(bodyLimit: number | string): ErrorRequestHandler {
    return function explainBodyError(error: unknown, request: Request, _response: Response, next: NextFunction): void {
        const type = (error as { type?: unknown } | null)?.type;
        request.body ??= {};
        switch (type) {
            case 'entity.parse.failed':
                next(
                    new BadRequestException(
                        `The request body is not valid ${request.is(['json', '+json']) ? 'JSON' : 'form data'}.`,
                    ),
                );
                break;
            case 'entity.too.large':
                next(
                    new PayloadTooLargeException(
                        `The request body is larger than the limit of ${sizeText(bodyLimit)}.`,
                    ),
                );
                break;
            case 'parameters.too.many':
                next(new PayloadTooLargeException('The form has too many fields.'));
                break;
            case 'charset.unsupported':
            case 'encoding.unsupported':
                next(
                    new UnsupportedMediaTypeException('The charset or encoding of the request body is not supported.'),
                );
                break;
            default:
                next(error);
        }
    };
}

function sizeText(limit: number | string): string {
    return typeof limit === 'number' ? `${limit} bytes` : limit;
}
