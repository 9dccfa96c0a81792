import type { Failure } from './failures.js';

/** What mends an error. */
export interface Fix {
    readonly say: string;
    /** A line to write or to run. */
    readonly code?: string;
    /** The file that the line belongs to. */
    readonly file?: string;
}

type Rule = (failure: Failure, sessionsAreOn: boolean) => Fix | undefined;

const SESSIONS_ON = {
    say: 'Sessions are off, so request.session is undefined. Turn them on:',
    code: 'enabled: true,',
    file: 'src/config/session.ts',
} as const;

const RULES: readonly Rule[] = [
    /** `request.session` of an application whose sessions are off. */
    ({ name, message, source }, sessionsAreOn) => {
        const line = source?.lines.find(({ isIt }) => isIt)?.text ?? '';
        const ofUndefined = name === 'TypeError' && /of undefined|undefined is not/.test(message);
        return !sessionsAreOn && ofUndefined && /session/i.test(line) ? SESSIONS_ON : undefined;
    },
    ({ message }) => (/needs (?:a session|sessions): set enabled to true/.test(message) ? SESSIONS_ON : undefined),
    ({ message }) => {
        const [command] = /npm install [\w@/. -]+/.exec(message) ?? [];
        return command === undefined ? undefined : { say: 'Install what is missing:', code: command.trim() };
    },
    ({ code, message }) => {
        const [, name = ''] = /Cannot find (?:package|module) '([^']+)'/.exec(message) ?? [];
        if (!/MODULE_NOT_FOUND$/.test(code ?? '') || name === '') {
            return undefined;
        }
        const [, known] = /^((?:@[\w.-]+\/)?[\w.-]+)(?:\/|$)/.exec(name) ?? [];
        return known === undefined || known.startsWith('.')
            ? { say: 'There is no such file. Relative imports end in .js, also those of .ts files.' }
            : { say: 'This package is not installed:', code: `npm install ${known} --save-prod` };
    },
    ({ code }) =>
        code === 'ERR_HTTP_HEADERS_SENT'
            ? {
                  say: 'The request was answered already, and a second answer followed. Return after answering:',
                  code: 'return response.json(…);',
              }
            : undefined,
    ({ name }) =>
        name === 'ResponseTimeoutException'
            ? { say: 'Answer on every way through the route, with response.json(…) or the like, or call next().' }
            : undefined,
    ({ message }) =>
        /There is no route for/.test(message) ? { say: 'Routes are in src/routes/api.ts: add one there.' } : undefined,
    ({ message }) =>
        /(?:__dirname|__filename|require) is not defined/.test(message)
            ? { say: 'This is an ES module: write import instead of require, and import.meta.dirname for __dirname.' }
            : undefined,
    ({ message }) =>
        /circular structure to JSON|serialize a BigInt/.test(message)
            ? { say: 'JSON can’t hold this value: send the few fields that the client needs, a bigint as a text.' }
            : undefined,
    ({ code, message }) =>
        code === 'ECONNREFUSED'
            ? {
                  say: `Nothing listens there (${message.replace(/^connect /, '')}): start that service, or mend its address.`,
              }
            : undefined,
];

/** The first fix that is known for an error or one of its causes. */
export function fixFor(failures: readonly Failure[], sessionsAreOn: boolean): Fix | undefined {
    for (const failure of failures) {
        for (const rule of RULES) {
            const fix = rule(failure, sessionsAreOn);
            if (fix) {
                return fix;
            }
        }
    }
    return undefined;
}
