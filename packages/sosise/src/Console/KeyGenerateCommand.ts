import { parse } from 'dotenv';
import { withVariable } from '../Config/envFile.js';
import { newEnvFile } from '../Config/loadEnvironment.js';
import { PREVIOUS_SECRETS, randomSecret, SECRET } from '../Config/secrets.js';
import { Command, type CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import { changeSecrets, isFilled, refuseIfSetOutside } from './secretVariables.js';

/** The first secret of an application, or a new one that makes all others worthless. */
export class KeyGenerateCommand extends Command {
    public readonly signature = 'key:generate';
    public readonly description = `Writes a new ${SECRET} into .env`;
    public override readonly options = [
        { flag: '--force', description: 'replace the secret that is there, which ends all sessions' },
        { flag: '--show', description: 'print a secret, and write nothing' },
    ];

    public handle({ options }: CommandInput): void {
        if (options['show']) {
            this.line(randomSecret());
            return;
        }
        const { root } = this.artisan;
        refuseIfSetOutside(this.signature, root);
        let isNew = false;
        changeSecrets(root, (current) => {
            isNew = current === undefined;
            return withNewSecret(current ?? newEnvFile(root), options['force'] === true);
        });
        this.line(isNew ? `.env was made, with a new ${SECRET}.` : `A new ${SECRET} is in .env.`);
        this.line(
            options['force']
                ? 'All sessions end when the servers that run are restarted.'
                : 'Servers that run have to be restarted.',
        );
    }
}

function withNewSecret(content: Buffer, force: boolean): Buffer {
    const values = parse(content);
    if (isFilled(values[SECRET]) && !force) {
        throw new CommandError(
            `.env has a ${SECRET} already: run ./artisan key:rotate, which keeps visitors logged in, or ./artisan key:generate --force, which replaces it and ends all sessions.`,
        );
    }
    const changed = withVariable(content, SECRET, randomSecret());
    // What an older secret signed would live on.
    return force && isFilled(values[PREVIOUS_SECRETS]) ? withVariable(changed, PREVIOUS_SECRETS, '') : changed;
}
