import type { Request } from 'express';

const DESTINATIONS = ['document', 'iframe', 'frame'];

/** Whether a browser goes to this address, and would show the answer: clients and scripts that ask for anything get JSON. */
export function wantsPage(request: Request): boolean {
    const destination = request.headers['sec-fetch-dest'] ?? 'document';
    return DESTINATIONS.includes(String(destination)) && request.accepts(['json', 'html']) === 'html';
}
