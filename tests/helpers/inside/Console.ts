/** What tests use of src/framework/Console. */
export { Artisan, type ArtisanOptions } from '../../../src/framework/Console/Artisan.js';
export type { CommandList } from '../../../src/framework/Console/Command.js';
export type { ConsoleSessionConfig } from '../../../src/framework/Console/Console.js';
export { frameworkCommands } from '../../../src/framework/Console/commands.js';
export { Progress } from '../../../src/framework/Console/Progress.js';
export { printable, shortened, sizeOf, spanOf } from '../../../src/framework/Console/sessionTexts.js';
export { Terminal } from '../../../src/framework/Console/Terminal.js';
export { Top } from '../../../src/framework/Console/Top.js';
