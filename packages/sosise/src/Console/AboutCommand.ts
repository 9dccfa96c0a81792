import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Fact } from './about.js';
import { Command, type CommandInput } from './Command.js';

/** What the application is made of, and how it is set up. */
export class AboutCommand extends Command {
    public readonly signature = 'about';
    public readonly description = 'Shows versions, environment, paths, and what is on';
    public override readonly options = [{ flag: '--json', description: 'print it as JSON' }];

    public async handle({ options }: CommandInput): Promise<void> {
        // Not booted: that the session store is down should not hide this. And without what the console lays over the config.
        const app = await this.artisan.application({ logging: {} });
        const { about } = await import('./about.js');
        const groups = about(app, {
            application: versionIn(join(this.artisan.root, 'package.json')),
            packageOf: (name) => this.versionOf(name),
            entry: this.artisan.entry,
        });
        if (options['json']) {
            this.terminal.json(
                Object.fromEntries(groups.map(({ name, facts }) => [camel(name), Object.fromEntries(facts.map(raw))])),
            );
            return;
        }
        const width = Math.max(...groups.flatMap(({ facts }) => facts.map(({ label }) => label.length)));
        for (const [index, { name, facts }] of groups.entries()) {
            this.line(`${index > 0 ? '\n' : ''}${this.terminal.paint('yellow', name)}`);
            this.terminal.pairs(facts.map((fact) => [fact.label.padEnd(width), textOf(fact)]));
        }
    }

    /** The version of a package, where it is installed. */
    private versionOf(name: string): string | null {
        try {
            const file = createRequire(join(this.artisan.root, 'package.json')).resolve(`${name}/package.json`);
            return versionIn(file);
        } catch {
            return null;
        }
    }
}

function versionIn(file: string): string | null {
    if (!existsSync(file)) {
        return null;
    }
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version?: unknown };
    return typeof version === 'string' ? version : null;
}

function raw({ label, value }: Fact): [string, unknown] {
    return [camel(label), value];
}

function textOf({ value, text }: Fact): string {
    if (text !== undefined) {
        return text;
    }
    if (typeof value === 'boolean') {
        return value ? 'on' : 'off';
    }
    return Array.isArray(value) ? value.join(', ') || 'none' : String(value ?? 'unknown');
}

/** A label as a key: `Trust proxy` is `trustProxy`. */
function camel(label: string): string {
    return label
        .replace(/^[A-Z]+(?![a-z])|^[A-Z]/, (first) => first.toLowerCase())
        .replace(/[\s.-]+(\w)/g, (_, letter: string) => letter.toUpperCase());
}
