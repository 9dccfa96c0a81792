import { ServerResponse } from 'node:http';
import type { Express } from 'express';

/** Larger ones are not worth being copied. */
const MOST_BYTES = 16_384;

type End = (this: ServerResponse, ...args: unknown[]) => ServerResponse;

/**
 * Lets small answers leave in one write. Express makes a buffer of each text, and Node.js sends headers and a buffer in
 * two parts (`writev`), but headers and a text as one: 31 → 25 µs for the least possible server on Node 20. Latin-1
 * stands for the bytes as they are.
 */
export function oneWrite(app: Express): void {
    const end = ServerResponse.prototype.end as unknown as End;
    const endInOne: End = function end_(chunk, ...others) {
        return Buffer.isBuffer(chunk) && chunk.length <= MOST_BYTES && !this.headersSent
            ? end.call(
                  this,
                  chunk.toString('latin1'),
                  'latin1',
                  others.find((other) => typeof other === 'function'),
              )
            : end.call(this, chunk, ...others);
    };
    Object.defineProperty(app.response, 'end', { configurable: true, writable: true, value: endInOne });
}
