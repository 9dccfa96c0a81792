import { isSecretKey, redacted, SECRET_WORDS } from '../../Support/secretNames.js';

const SHORTEST = 8;
const SECRET_VARIABLE = /key$|dsn$/i;
// Lengths have limits: without, a long text such as `a-a-a-…` takes a time that grows with its square.
const URL_PASSWORD = /(\b[a-z][a-z\d+.-]{0,30}:\/\/[^\s:/@]{0,200}:)[^\s/@]+(?=@)/gi;
const ASSIGNED = /\b([A-Z][A-Z\d_]*(?:SECRETS?|TOKEN|PASSWORD|KEY)\s*=\s*)["']?[^\s"']+["']?/g;
const LITERAL = new RegExp(`((?:${SECRET_WORDS})\\w{0,40}["']?\\s{0,8}[:=]\\s{0,8})(["'\`])(?:(?!\\2).){4,}\\2`, 'gi');
const PLAIN = new RegExp(`((?:${SECRET_WORDS})=)[^\\s"'\`&;,<>]{4,}`, 'gi');
const BEARER = /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/g;

/** A text without what it should not show: the values of secret variables, passwords in addresses and in code. */
export function hideSecrets(text: string, variables: NodeJS.ProcessEnv = process.env): string {
    let shown = text;
    for (const [name, value = ''] of Object.entries(variables)) {
        if (value.length >= SHORTEST && (isSecretKey(name) || SECRET_VARIABLE.test(name))) {
            shown = shown.replaceAll(value, redacted);
        }
    }
    return shown
        .replace(URL_PASSWORD, `$1${redacted}`)
        .replace(ASSIGNED, `$1${redacted}`)
        .replace(LITERAL, `$1$2${redacted}$2`)
        .replace(PLAIN, `$1${redacted}`)
        .replace(BEARER, `$1 ${redacted}`);
}
