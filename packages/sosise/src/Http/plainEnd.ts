import type { ServerResponse } from 'node:http';
import { http } from '../Support/http.js';

type End = ServerResponse['end'];

const plain = new WeakSet<End>([http.ServerResponse.prototype.end]);

/** Says of an `end()` that it only hands on what it gets to Node's own. */
export function plainEnd<T extends object>(end: T): T {
    plain.add(end as unknown as End);
    return end;
}

/** Whether nobody else sees what an answer ends with: middlewares that keep bodies put their own function in its place. */
export function endsPlainly({ end }: Pick<ServerResponse, 'end'>): boolean {
    return plain.has(end);
}
