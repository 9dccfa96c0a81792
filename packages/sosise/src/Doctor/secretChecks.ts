import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../Config/Environment.js';
import { PREVIOUS_SECRETS, SECRET, SECRET_FIX, type Secret, secretsIn, weaknessOf } from '../Config/secrets.js';
import { fileVariableOf } from '../Config/variable.js';
import { secretFix } from '../Session/sessionRules.js';
import { counted } from '../Support/words.js';
import { type Check, ok, problem, warning } from './Check.js';
import { type Examined, isLenient } from './Examined.js';
import { variableSources, variablesIn } from './variableSources.js';

const NAME = 'Secret';
const CONFIG = 'src/config/session.ts';

/** Whether the secret is hard to guess, and where it comes from. It is never said. */
export function secretChecks(examined: Examined): Check[] {
    const { config, environment } = examined;
    const [first, ...previous] = secretsIn(config.secret);
    const bad = isLenient(environment) || !config.enabled ? warning : problem;
    if (first === undefined) {
        return [bad(NAME, "There is none: sessions can't be signed.", secretFix(environment))];
    }
    const source = sourceOf(first, examined);
    return [
        strengthOf(first, source.words, environment, bad),
        ...(source.isFixed ? [] : [lastingOf(bad)]),
        ...(source.words === CONFIG ? [writtenDown()] : []),
        ...(source.file !== undefined && environment.isProduction ? readableBy(source.file) : []),
        ...previousOf(previous, bad),
    ];
}

function strengthOf(secret: Secret, source: string, environment: Environment, bad: typeof warning): Check {
    const weakness = weaknessOf(secret);
    if (weakness !== undefined) {
        return bad(
            NAME,
            `It ${weakness} (from ${source}): who guesses it can log in as anyone.`,
            secretFix(environment),
        );
    }
    const examples = Object.values(variablesIn(join(environment.root, '.env.example')));
    if (examples.some((example) => writings(secret).includes(example))) {
        return bad(NAME, 'It is the one in .env.example: who has the code can log in as anyone.', `${SECRET_FIX}.`);
    }
    return ok(
        NAME,
        `${counted(secret.length, typeof secret === 'string' ? 'character' : 'byte')} that nobody guesses, from ${source}.`,
    );
}

function lastingOf(bad: typeof warning): Check {
    return bad(NAME, 'Every start makes another one, and sessions end with it.', `${SECRET_FIX}.`);
}

function writtenDown(): Check {
    return warning(
        NAME,
        `It is written in ${CONFIG}: who has the code can log in as anyone.`,
        `Put it into ${SECRET}, and take it from there: secret: env.string('${SECRET}').`,
    );
}

function readableBy(file: string): Check[] {
    const isOpen = (statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o004;
    return isOpen
        ? [warning(NAME, 'Every user of this machine can read it in .env.', `Close the file: chmod 600 ${file}`)]
        : [];
}

function previousOf(previous: readonly Secret[], bad: typeof warning): Check[] {
    const name = 'Earlier secrets';
    const weaknesses = new Set(previous.flatMap((secret) => weaknessOf(secret) ?? []));
    if (weaknesses.size > 0) {
        const text = `One of them ${[...weaknesses].join(', one ')}: it would still let a cookie in.`;
        return [bad(name, text, `Take it out of ${PREVIOUS_SECRETS}.`)];
    }
    return previous.length === 0
        ? []
        : [
              ok(
                  name,
                  `${counted(previous.length, 'secret')} of earlier still ${previous.length === 1 ? 'lets' : 'let'} cookies in.`,
              ),
          ];
}

function textIn(path = ''): string {
    try {
        return readFileSync(path.trim(), 'utf8');
    } catch {
        return '';
    }
}

interface Source {
    readonly words: string;
    /** False where the next start has another one. */
    readonly isFixed: boolean;
    readonly file?: string;
}

/** How a variable may hold a secret. */
function writings(secret: Secret): string[] {
    const codings = ['utf8', 'hex', 'base64', 'base64url'] as const;
    return typeof secret === 'string' ? [secret.trim()] : codings.map((coding) => Buffer.from(secret).toString(coding));
}

function sourceOf(secret: Secret, examined: Examined): Source {
    const written = writings(secret);
    const nameIn = (variables: Examined['outside']) =>
        Object.keys(variables).find((name) => written.includes(variables[name]?.trim() ?? '')) ??
        [SECRET, PREVIOUS_SECRETS]
            .map(fileVariableOf)
            .find((name) => written.some((each) => textIn(variables[name]).includes(each)));
    for (const [words, variables] of variableSources(examined)) {
        const name = nameIn(variables);
        if (name !== undefined) {
            const file = words === '.env' ? { file: join(examined.environment.root, '.env') } : {};
            return { words: `${words} (${name})`, isFixed: true, ...file };
        }
    }
    return nameIn(process.env) === undefined ? { words: CONFIG, isFixed: true } : { words: 'this run', isFixed: false };
}
