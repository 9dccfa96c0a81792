import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandInput, CommandOption } from '../Command.js';
import { CommandError } from '../CommandError.js';
import { FORCE, Generator, type NextStep } from './Generator.js';
import { importPath } from './importPath.js';

/** How to change a file of the user's: the text with the lines in it, or undefined where their place can't be told. */
type Change = (text: string) => string | undefined;

/** Writes a login: code of the user's own, which works as it is. */
export class MakeAuthCommand extends Generator {
    public readonly signature = 'make:auth';
    public readonly description = 'Writes a login: register, log in and out, my sessions, change the password';
    public override readonly options: readonly CommandOption[] = [FORCE];

    public handle({ options }: CommandInput): void {
        this.refuseBuilt();
        const files = this.files();
        const written = Object.keys(files).filter((name) => name !== 'createTestApp');
        const there = written.map((name) => files[name] as string).filter((file) => existsSync(file));
        if (there.length > 0 && options['force'] !== true) {
            const names = there.map((file) => this.shown(file)).join(', ');
            const [are, them] = there.length > 1 ? ['are', 'them'] : ['is', 'it'];
            throw new CommandError(`${names} ${are} there already: ./artisan make:auth --force replaces ${them}.`);
        }
        let count = 0;
        for (const name of written) {
            const file = files[name] as string;
            const imports = Object.entries(files).map(([other, path]) => [other, importPath(file, path)]);
            const content = this.stubOf(`auth/${name}`, Object.fromEntries(imports));
            count += content.split('\n').length - 1;
            this.write(file, content, options['force'] === true);
            this.line(`${this.shown(file)} was made.`);
        }
        const steps = this.wire(files['AuthServiceProvider'] as string);
        this.line(`\n${count} lines, which are yours from now on.`);
        this.sayWhatToPaste(steps);
        this.line(
            `\n${steps.length > 0 ? 'Then start' : 'Start'} the application (npm run dev), and open /register in a browser.`,
        );
    }

    /** Where each stub goes. What the others import comes first, so that a server that restarts meanwhile finds it. */
    private files(): Record<string, string> {
        const { controllers, providers, public: assets } = this.artisan.manifest.paths;
        const tests = join(this.artisan.root, 'tests');
        return {
            css: join(assets, 'auth.css'),
            ...this.inAuth('Users', 'FileUsers', 'LoginLimit', 'forms', 'pages'),
            AuthController: join(controllers, 'Auth/AuthController.ts'),
            AccountController: join(controllers, 'Auth/AccountController.ts'),
            routes: this.source('routes/auth.ts'),
            AuthServiceProvider: join(providers, 'AuthServiceProvider.ts'),
            ...(existsSync(tests) && {
                test: join(tests, 'app/auth.test.ts'),
                createTestApp: join(tests, 'helpers/createTestApp.ts'),
            }),
        };
    }

    private inAuth(...names: readonly string[]): Record<string, string> {
        return Object.fromEntries(names.map((name) => [name, this.source('app/Auth', `${name}.ts`)]));
    }

    /** Gives what is left to paste. */
    private wire(provider: string): NextStep[] {
        const config = this.source('config/session.ts');
        const providers = this.source('bootstrap/providers.ts');
        const line = `import AuthServiceProvider from '${importPath(providers, provider)}';`;
        return [
            ...this.insert(config, intoConfig, {
                where: `into ${this.shown(config)}, in place of enabled`,
                lines: CONFIG,
            }),
            ...this.insert(providers, (text) => intoProviders(text, line), {
                where: `into ${this.shown(providers)}, the last line into its list`,
                lines: [line, '', ENTRY],
            }),
        ];
    }

    private insert(file: string, change: Change, step: NextStep): NextStep[] {
        const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
        const changed = change(text);
        if (changed === undefined) {
            return [step];
        }
        if (changed !== text) {
            this.write(file, changed, true);
            this.line(`${this.shown(file)} was changed.`);
        }
        return [];
    }
}

const ENTRY = '    AuthServiceProvider,';
const CONFIG = [
    '    enabled: true,',
    '',
    '    // Where requireLogin() leads browsers that are not logged in. Unset: they get a 401.',
    "    loginPage: '/login',",
    '',
    '    // What login() remembers of a browser, for the list of sessions that a user sees.',
    '    registry: { address: true, browser: true },',
];

/** Turns sessions on, and adds what is not set yet behind that line. */
function intoConfig(text: string): string | undefined {
    const sets = (key: string) => new RegExp(`^ {4}${key}:`, 'm').test(text);
    const [enabled = '', ...settings] = CONFIG;
    const [page, registry] = [settings.slice(0, 3), settings.slice(3)];
    const added = [enabled, ...(sets('loginPage') ? [] : page), ...(sets('registry') ? [] : registry)];
    return onlyOne(text, /^ {4}enabled: (?:true|false),$/gm, added.join('\n'));
}

/** Puts the provider before the application's own, so that no route of it for all addresses comes first. */
function intoProviders(text: string, line: string): string | undefined {
    if (text.includes('AuthServiceProvider')) {
        return text;
    }
    const imported = onlyOne(text, /^import AppServiceProvider from .*;$/gm, `$&\n${line}`);
    return imported && onlyOne(imported, /^ {4}AppServiceProvider,$/gm, `${ENTRY}\n$&`);
}

/** The text with another in place of the only match. */
function onlyOne(text: string, pattern: RegExp, replacement: string): string | undefined {
    return text.match(pattern)?.length === 1 ? text.replace(pattern, replacement) : undefined;
}
