import type { CommandList } from './Command.js';

/** The framework's own commands. */
export const frameworkCommands: CommandList = {
    list: async () => (await import('./ListCommand.js')).ListCommand,
    about: async () => (await import('./AboutCommand.js')).AboutCommand,
    'config:show': async () => (await import('./ConfigShowCommand.js')).ConfigShowCommand,
    'route:list': async () => (await import('./RouteListCommand.js')).RouteListCommand,
    'key:generate': async () => (await import('./KeyGenerateCommand.js')).KeyGenerateCommand,
    'key:rotate': async () => (await import('./KeyRotateCommand.js')).KeyRotateCommand,
    'session:migrate': async () => (await import('./SessionMigrateCommand.js')).SessionMigrateCommand,
};
