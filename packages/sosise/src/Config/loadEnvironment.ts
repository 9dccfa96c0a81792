import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'dotenv';
import { ConfigError } from '../Exceptions/errors.js';
import { nearest } from '../Support/nearest.js';
import { show } from '../Support/show.js';
import type { Environment } from './Environment.js';
import { changeEnvFile, cutVariables, readEnvFile, withVariable } from './envFile.js';
import { isFromFile, takeFromFile } from './fileVariables.js';
import { loadManifest } from './loadManifest.js';
import { PREVIOUS_SECRETS, randomSecret, SECRET } from './secrets.js';
import { fileVariableOf } from './variable.js';

type Variables = Record<string, string | undefined>;

/**
 * Finds the application around its entry file, names the environment, and loads `.env` into the variables (those
 * that are set already win). In development, `.env` is made from `.env.example` when missing and given a random
 * SESSION_SECRET when it has none; tests write no file. Throws a ConfigError that names the fix.
 * @param entryUrl `import.meta.url` of src/bootstrap/app.ts, or of build/bootstrap/app.js.
 * @param variables Where variables are read and set: the process's, unless told otherwise.
 */
export function loadEnvironment(entryUrl: string, variables: Variables = process.env): Environment {
    const entry = fileURLToPath(entryUrl);
    const manifest = loadManifest(dirname(entry));
    const root = dirname(manifest.file);
    forgetBlank(variables, 'NODE_ENV', 'APP_ENV', SECRET, PREVIOUS_SECRETS);

    const said = { ...settingsOf(root), ...variables };
    const [source, name] = nameOf(entry, said);
    const namedBy = source && !filled(variables[source]) ? `${source} in .env` : source;
    const notices = misspelling(source, name);
    const testing = name === 'test' || filled(variables['VITEST']) !== undefined;

    const failure = name === 'development' && !testing ? prepareEnvFile(root, variables, notices) : undefined;
    takeFromFile(variables, settingsOf(root));
    const cut = cutVariables(readEnvFile(join(root, '.env')) ?? Buffer.alloc(0)).filter(
        (variable) => isFromFile(variables, variable) || variables[variable] === undefined,
    );
    notices.push(
        ...cut.map(
            (variable) => `${variable} in .env ends before a #, where a comment begins: put the value between quotes.`,
        ),
    );
    variables['NODE_ENV'] = name; // for libraries that ask
    if (name === 'development' || name === 'test') {
        forgetBlank(variables, SECRET);
        if (!filled(variables[fileVariableOf(SECRET)])) {
            variables[SECRET] ??= freshSecret(failure, notices);
        }
    }
    return Object.freeze({
        root,
        name,
        namedBy,
        isProduction: name === 'production',
        isDevelopment: name === 'development',
        manifest,
        notices: Object.freeze(notices),
        cutVariables: cut,
    });
}

/** What `.env` says now; nothing where there is no such file. */
function settingsOf(root: string): Variables {
    return parse(readEnvFile(join(root, '.env')) ?? '');
}

/** The environment's name after the variable that gave it: TypeScript run as it is means development. */
function nameOf(entry: string, variables: Variables): [source: string | undefined, name: string] {
    for (const source of ['NODE_ENV', 'APP_ENV']) {
        const name = filled(variables[source]);
        if (name) {
            return [source, name];
        }
    }
    return [undefined, /\.[cm]?tsx?$/.test(entry) ? 'development' : 'production'];
}

/** A misspelt "production" would quietly turn its safeguards off. Other names of one's own are fine. */
function misspelling(source: string | undefined, name: string): string[] {
    const known = ['production', 'development', 'test'];
    const near = /^prod/i.test(name) ? 'production' : nearest(name, known);
    return !source || !near || known.includes(name)
        ? []
        : [`${source} is ${show(name)}, which is not ${near}: did you mean ${source}=${near}?`];
}

/** Makes `.env`, or fills its secret in, where that is due. Gives the error when it can't be written. */
function prepareEnvFile(root: string, variables: Variables, notices: string[]): Error | undefined {
    const path = join(root, '.env');
    const file = fileVariableOf(SECRET);
    const secretIsSet =
        variables[SECRET] !== undefined || filled({ ...settingsOf(root), ...variables }[file]) !== undefined;
    const change = (current: Buffer | undefined): Buffer | undefined => {
        if (current) {
            // One that begins with a # reads as empty: what was meant is not written over.
            return secretIsSet || filled(parse(current)[SECRET]) || cutVariables(current).includes(SECRET)
                ? undefined
                : withVariable(current, SECRET, randomSecret());
        }
        return secretIsSet && !readEnvFile(join(root, '.env.example'))
            ? undefined
            : withVariable(newEnvFile(root), SECRET, randomSecret());
    };
    const before = readEnvFile(path);
    if (!change(before)) {
        return undefined; // nothing to do, as on nearly every start
    }
    try {
        if (changeEnvFile(path, change)) {
            notices.push(noticeOf(before, readEnvFile(join(root, '.env.example'))));
        }
        return undefined;
    } catch (error) {
        if (error instanceof ConfigError) {
            throw error;
        }
        return error as Error;
    }
}

function noticeOf(before: Buffer | undefined, example: Buffer | undefined): string {
    if (before) {
        return `A fresh ${SECRET} was written into .env.`;
    }
    return `.env was made ${example ? 'from .env.example ' : ''}with a fresh ${SECRET}.`;
}

/** What a new `.env` begins as: the example, without secrets that everyone knows who has the code. */
export function newEnvFile(root: string): Buffer {
    const example = readEnvFile(join(root, '.env.example')) ?? Buffer.alloc(0);
    const known = [SECRET, PREVIOUS_SECRETS].filter((name) => filled(parse(example)[name]));
    return known.reduce((content, name) => withVariable(content, name, ''), example);
}

/** A secret for this run alone, because tests keep none and a file could not be written. */
function freshSecret(failure: Error | undefined, notices: string[]): string {
    if (failure) {
        const { code = failure.message } = failure as NodeJS.ErrnoException;
        notices.push(
            `.env can't be written (${code}): ${SECRET} is random for this run, and sessions end with it. Make the folder writable, or set ${SECRET} yourself.`,
        );
    }
    return randomSecret();
}

/** A variable's text; blank counts as unset. */
function filled(value: string | undefined): string | undefined {
    return value?.trim() || undefined;
}

function forgetBlank(variables: Variables, ...names: string[]): void {
    for (const name of names) {
        if (!filled(variables[name])) {
            delete variables[name];
        }
    }
}
