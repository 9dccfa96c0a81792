/** The door to the console, apart from index.ts: a command that needs little of the framework loads little of it. */

export { Artisan, type ArtisanOptions } from './Console/Artisan.js';
export {
    Command,
    type CommandClass,
    type CommandInput,
    type CommandList,
    type CommandOption,
} from './Console/Command.js';
export { UsageError } from './Console/UsageError.js';
export { ConfigError } from './Exceptions/errors.js';
