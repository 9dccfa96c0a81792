import { join } from 'node:path';
import { parse } from 'dotenv';
import { readEnvFile, withVariable } from '../Config/envFile.js';
import { takeFromFile } from '../Config/fileVariables.js';
import { PREVIOUS_SECRETS, randomSecret, SECRET, secretsIn, weaknessOf } from '../Config/secrets.js';
import { fileVariableOf, sourceOf, valueFrom } from '../Config/variable.js';
import { longestLife } from '../Session/Record/SessionLifetime.js';
import { Command, type CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import type { ConsoleSessionConfig } from './Console.js';
import { changeSecrets, isFilled, refuseIfSetOutside } from './secretVariables.js';

const END_ALL = './artisan key:generate --force, which ends all sessions';

type Variables = Record<string, string | undefined>;

/** From now on a new secret signs, and the old ones stay valid: nobody is logged out. */
export class KeyRotateCommand extends Command {
    public readonly signature = 'key:rotate';
    public readonly description = `Replaces the ${SECRET}, and keeps the old one valid`;
    public override readonly options = [{ flag: '--show', description: 'print both variables, and write nothing' }];

    public async handle({ options }: CommandInput): Promise<void> {
        if (!options['show']) {
            refuseIfSetOutside(this.signature, this.artisan.root);
        }
        const secret = randomSecret();
        const rotated = rotate(this.variables(), secret);
        const advice = adviceFrom(await this.configWith(rotated));
        if (options['show']) {
            process.stdout.write(withVariables(Buffer.alloc(0), rotated));
            process.stderr.write(`${advice}\n`); // only the variables go into a pipe
            return;
        }
        changeSecrets(this.artisan.root, (current = Buffer.alloc(0)) =>
            withVariables(current, rotate(parse(current), secret)),
        );
        this.line(`A new ${SECRET} is in .env, and the old one is first in ${PREVIOUS_SECRETS}: nobody is logged out.`);
        this.line(advice);
    }

    /** The variables of `.env`, under those that are set outside; secrets of files, too. */
    private variables(): Variables {
        const set = Object.entries(process.env).filter(([, value]) => isFilled(value));
        const variables: Variables = Object.fromEntries(set);
        takeFromFile(variables, parse(readEnvFile(join(this.artisan.root, '.env')) ?? ''));
        const secrets = [SECRET, PREVIOUS_SECRETS].flatMap((name) => {
            const source = sourceOf(name, variables);
            return source ? [[name, valueFrom(source, name, variables)]] : [];
        });
        return Object.fromEntries(secrets);
    }

    /** The session's config as it will be. Refuses where it would not take the old secrets from the variable. */
    private async configWith(rotated: Variables): Promise<ConsoleSessionConfig> {
        for (const [name, value] of Object.entries(rotated)) {
            process.env[name] = value;
            process.env[fileVariableOf(name)] = ''; // also against one of .env
        }
        const config = await this.artisan.sessionConfig();
        const taken = secretsIn(config.secret);
        const wanted = [rotated[SECRET] as string, ...listOf(rotated[PREVIOUS_SECRETS])];
        if (wanted.some((secret) => !taken.includes(secret))) {
            throw new CommandError(
                `src/config/session.ts would not take the old secret from ${PREVIOUS_SECRETS}, and all sessions would end: set its secret to [env.string('${SECRET}'), ...env.list('${PREVIOUS_SECRETS}', [])].`,
            );
        }
        return config;
    }
}

/** Both variables with a new secret in front of those that there are. */
function rotate(variables: Variables, secret: string): Record<string, string> {
    const old = variables[SECRET];
    if (!isFilled(old)) {
        throw new CommandError(`There is no ${SECRET} yet: run ./artisan key:generate.`);
    }
    const weakness = weaknessOf(old);
    if (weakness) {
        throw new CommandError(`${SECRET} ${weakness}, and would stay valid: run ${END_ALL}.`);
    }
    if (old.includes(',') || old !== old.trim()) {
        throw new CommandError(
            `${SECRET} holds a comma, or a space at an end, and can't be kept in ${PREVIOUS_SECRETS}, where commas part the secrets: run ${END_ALL}.`,
        );
    }
    const previous = listOf(variables[PREVIOUS_SECRETS]).filter((other) => other !== old);
    return { [SECRET]: secret, [PREVIOUS_SECRETS]: [old, ...previous].join(',') };
}

/** The secrets of a list as env.list() reads it. */
function listOf(value = ''): string[] {
    const secrets = value.split(',').map((secret) => secret.trim());
    return secrets.filter((secret) => secret !== '');
}

function withVariables(content: Buffer, variables: Readonly<Record<string, string>>): Buffer {
    return Object.entries(variables).reduce((changed, [name, value]) => withVariable(changed, name, value), content);
}

/** When the old secret may go: no session outlives the absolute timeout. */
function adviceFrom(config: ConsoleSessionConfig): string {
    const { absolute, idle, cookie } = config;
    const longest = longestLife({ absoluteMs: absolute, maxAgeMs: cookie?.maxAge ?? undefined }, idle ?? 0);
    if (longest === Number.POSITIVE_INFINITY) {
        return 'Servers that run have to be restarted. Sessions have no absolute end (absolute: null in src/config/session.ts): the old secret stays for as long as one that it signed is in use.';
    }
    const last = new Date(Date.now() + longest).toISOString().slice(0, 10);
    return `Servers that run have to be restarted. If that happens today, nothing needs the old secret after ${last}: take it out of ${PREVIOUS_SECRETS} then.`;
}
