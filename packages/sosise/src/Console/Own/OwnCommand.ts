import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toError } from '../../Exceptions/thrown.js';
import { Command, type CommandInput } from '../Command.js';
import { CommandError } from '../CommandError.js';
import { canAsk, confirm } from '../confirm.js';
import { PACKAGE } from './frameworkFiles.js';
import { GitWorkTree } from './GitWorkTree.js';
import { OwnPlan } from './OwnPlan.js';
import { ownName } from './ownName.js';

const UNDO = 'git restore . && git clean -fd packages && npm install';
const VERBS = ['Makes', 'Changes', 'Replaces', 'Removes', 'Keeps'] as const;

/** Makes a clone an application of one's own: its name, its files, and the framework as a package. */
export class OwnCommand extends Command {
    public readonly signature = 'app:own <name>';
    public readonly description = 'Makes this clone an application of your own';
    public override readonly options = [
        { flag: '--keep-sources', description: `keep the framework's sources, in ${PACKAGE}` },
        { flag: '--dry-run', description: 'show what it would do, and do nothing' },
        { flag: '--yes', description: 'do not ask' },
    ];

    public async handle({ arguments: [given = ''], options }: CommandInput): Promise<void> {
        const { root, manifest } = this.artisan;
        this.refuseWhereDone();
        const name = ownName(given, this.packages());
        const git = new GitWorkTree(root);
        const plan = new OwnPlan(root, manifest.name, { name, keepSources: options['keepSources'] === true });
        if (options['dryRun'] !== true) {
            refuseChanges(git);
        }
        this.show(name, plan);
        const isKept = git.keeps('package.json');
        if (await this.mayAct(options, isKept)) {
            this.line('It takes some seconds …');
            await this.act(plan, isKept);
            this.sayWhatIsNext(name, isKept);
        }
    }

    /** A packed framework belongs to an application that is somebody's own, and sources without tests do, too. */
    private refuseWhereDone(): void {
        const { root, manifest, isBuilt } = this.artisan;
        if (isBuilt) {
            throw new CommandError('The built application stays what it is: run app:own in the clone, where src is.');
        }
        if (!existsSync(join(root, PACKAGE, 'tests'))) {
            throw new CommandError(
                `This application is its own already, and is called ${manifest.name}. For another name, change name in package.json and sosise.json.`,
            );
        }
    }

    private packages(): string[] {
        const { dependencies, devDependencies } = JSON.parse(
            readFileSync(join(this.artisan.root, 'package.json'), 'utf8'),
        );
        return Object.keys({ ...dependencies, ...devDependencies });
    }

    private show(name: string, { steps }: OwnPlan): void {
        this.line(`The application in ${this.artisan.root} will be called ${name}, and so will its session cookie.`);
        for (const verb of VERBS) {
            const shown = steps.filter((step) => step.verb === verb);
            if (shown.length > 0) {
                this.line(`\n${this.terminal.paint('yellow', verb)}`);
                this.terminal.pairs(shown.map(({ file, note }) => [file, note]));
            }
        }
        this.line();
    }

    private async mayAct(options: CommandInput['options'], isKept: boolean): Promise<boolean> {
        if (options['dryRun'] === true) {
            this.line('Nothing was changed: this was the plan.');
            return false;
        }
        if (options['yes'] === true) {
            return true;
        }
        if (!isKept) {
            this.line(
                "Nothing was changed. Git does not keep this folder, so that nothing could undo it: begin with git init, git add --all and git commit --message 'A clone', or add --yes.",
            );
            return false;
        }
        if (!canAsk()) {
            this.line('Nothing was changed: nobody can be asked here. Add --yes to do it.');
            return false;
        }
        const isWanted = await confirm('Do it? Git can undo it. [y/N] ', this.signal);
        if (!isWanted) {
            this.line('Nothing was changed.');
        }
        return isWanted;
    }

    private async act(plan: OwnPlan, isKept: boolean): Promise<void> {
        try {
            await plan.act(this.signal);
        } catch (cause) {
            const undo = isKept ? `Undo what was done with: ${UNDO}` : 'Take a new copy, and try again there.';
            throw new CommandError(`It came to no end: ${toError(cause).message.trimEnd()}\n${undo}`, { cause });
        }
    }

    private sayWhatIsNext(name: string, isKept: boolean): void {
        const paint = (text: string) => this.terminal.paint('cyan', text);
        this.line(`It is done: ${name} is yours. Next:\n`);
        for (const line of ['npm install', 'npm test', 'npm run dev']) {
            this.line(`  ${paint(line)}`);
        }
        if (isKept) {
            this.line(`\nThen commit it. Until then, this undoes it: ${paint(UNDO)}`);
        }
        this.line('README.md says where the documentation is, and how a newer framework comes.');
    }
}

/** Git can bring back what was committed, and nothing else. */
function refuseChanges(git: GitWorkTree): void {
    const changed = git.keeps('package.json') ? git.changed() : [];
    if (changed.length > 0) {
        const what = changed.length === 1 ? `${changed[0]} is` : `${changed.length} files are`;
        throw new CommandError(
            `Git has to be able to undo this, and ${what} not committed: run git add --all && git commit --message 'My changes' first, or git stash --include-untracked.`,
        );
    }
}
