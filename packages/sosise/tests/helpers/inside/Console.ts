/** What tests use of src/Console. */
export { Artisan, type ArtisanOptions } from '../../../src/Console/Artisan.js';
export type { CommandList } from '../../../src/Console/Command.js';
export type { ConsoleSessionConfig } from '../../../src/Console/Console.js';
export { frameworkCommands } from '../../../src/Console/commands.js';
export { DOCUMENTS } from '../../../src/Console/Own/frameworkFiles.js';
export { ownName } from '../../../src/Console/Own/ownName.js';
export { ownPackage, packageWithoutTests } from '../../../src/Console/Own/packages.js';
export { Progress } from '../../../src/Console/Progress.js';
export { printable, shortened, spanOf } from '../../../src/Console/sessionTexts.js';
export { Terminal } from '../../../src/Console/Terminal.js';
