import { LAST_ACCESS, META } from '../Record/SessionRecord.js';
import type { EncryptedText } from './SessionKeys.js';

/**
 * The record that an encrypted text is stored as: a session to every store, with a cookie that says how long to keep it.
 * Stock readers take it for an expired session.
 */
export function encryptedRecord({ text, keyId }: EncryptedText, expiresAt: number): string {
    const cookie = {
        originalMaxAge: Math.max(1, expiresAt - Date.now()),
        expires: new Date(expiresAt).toISOString(),
    };
    return `{"${LAST_ACCESS}":0,"${META}":{"sealed":"${text}","key":"${keyId}"},"cookie":${JSON.stringify(cookie)}}`;
}

/** What only records have that are encrypted, or hold this in their data. */
export const ENCRYPTED = '"sealed":';

/** The encrypted text of a record; undefined for a record in the clear. */
export function encryptedTextIn(record: string): EncryptedText | undefined {
    if (!record.includes(ENCRYPTED)) {
        return undefined;
    }
    try {
        const { sealed, key } = (JSON.parse(record) as Record<string, { sealed?: unknown; key?: unknown }>)[META] ?? {};
        return typeof sealed === 'string' && typeof key === 'string' ? { text: sealed, keyId: key } : undefined;
    } catch {
        return undefined; // no record at all: whoever parses it says so
    }
}
