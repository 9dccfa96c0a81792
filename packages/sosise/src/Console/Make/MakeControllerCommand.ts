import type { CommandInput, CommandOption } from '../Command.js';
import { FORCE, type NextStep, type Values } from './Generator.js';
import { MakeCommand, type NewClass } from './MakeCommand.js';

export class MakeControllerCommand extends MakeCommand {
    public readonly signature = 'make:controller <name>';
    public readonly description = 'Writes a controller';
    public override readonly options: readonly CommandOption[] = [
        { flag: '--resource', description: 'with index, store, show, update and destroy' },
        FORCE,
    ];
    protected readonly kind = { noun: 'controller', suffixes: ['Controller'], example: 'UserController' };
    protected readonly path = 'controllers';

    protected override stubFor(options: CommandInput['options']): string {
        return options['resource'] ? 'controller-resource' : 'controller';
    }

    protected override valuesOf({ words }: NewClass): Values {
        return { plural: plural(words.join(' ')) };
    }

    protected nextSteps(made: NewClass, options: CommandInput['options']): NextStep[] {
        const routes = this.source('routes/api.ts');
        const path = pathOf(made);
        const route = (verb: string, at: string, method: string) =>
            `router.${verb}('${at}', action(${made.name}, '${method}'));`;
        const lines = [this.importInto(routes, made), '', route('get', path, 'index')];
        if (options['resource']) {
            lines.push(
                route('post', path, 'store'),
                route('get', `${path}/:id`, 'show'),
                route('put', `${path}/:id`, 'update'),
                route('delete', `${path}/:id`, 'destroy'),
            );
        }
        return [{ where: `into ${this.shown(routes)}, with this path or one of your own`, lines }];
    }
}

/** `Admin/UserProfileController` answers at `/admin/user-profiles`. */
function pathOf({ folders, words }: NewClass): string {
    const above = folders.map((folder) => folder.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase());
    return `/${[...above, plural(words.join('-'))].join('/')}`;
}

function plural(noun: string): string {
    if (noun.endsWith('s')) {
        return noun;
    }
    if (/[^aeiou]y$/.test(noun)) {
        return `${noun.slice(0, -1)}ies`;
    }
    return /(?:x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}
