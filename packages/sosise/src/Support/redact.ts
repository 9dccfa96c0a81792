export const redacted = '[redacted]';

const secretAnywhere = /cookie|authorization|passw|passphrase|secret|token|session[-_.]?id|api[-_.]?key|rawheaders/i;
const secretAtTheEnd = /(?:session|sid)$/i;

/** Whether the value under this key is one that no log may hold. Errs on the side of hiding. */
export function isSecretKey(key: string): boolean {
    return secretAnywhere.test(key) || secretAtTheEnd.test(key);
}
