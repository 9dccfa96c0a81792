/** What stands in the place of a secret. */
export const redacted = '[redacted]';

/** What names of secrets hold, wherever they stand. All lists begin with it, and err on the side of hiding. */
export const SECRET_WORDS = 'passw(?:or)?d?|passphrase|secret|token|credential|api[-_.]?key';

const IN_CONFIG = new RegExp(`${SECRET_WORDS}|key|pass`, 'i');
const IN_LOGS = new RegExp(`${SECRET_WORDS}|cookie|authorization|session[-_.]?id|rawheaders|(?:session|sid)$`, 'i');
const IN_FORMS =
    /csrf|card|cvc|cvv|iban|pwd|pin$|security[-_]?code|kennwort|mot_?de_?passe|contrase|(?:^|[^a-z])(?:otp|ssn)$|^(?:pass|auth)$|[^a-z]pass$/i;

/** Whether a key of a configuration, or a variable, may hold a secret, so that its value must never be printed. */
export function isSecretName(name: string): boolean {
    return IN_CONFIG.test(name);
}

/** Whether the value under this key is one that no log may hold. */
export function isSecretKey(key: string): boolean {
    return IN_LOGS.test(key);
}

/** Whether a form's field holds what is not given back to a page: passwords, tokens, cards. */
export function isSecretField(field: string): boolean {
    return isSecretKey(field) || IN_FORMS.test(field);
}
