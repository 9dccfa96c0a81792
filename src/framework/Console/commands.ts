import type { CommandList } from './Command.js';

/** The framework's own commands. */
export const frameworkCommands: CommandList = {
    list: async () => (await import('./ListCommand.js')).ListCommand,
    'key:generate': async () => (await import('./KeyGenerateCommand.js')).KeyGenerateCommand,
    'key:rotate': async () => (await import('./KeyRotateCommand.js')).KeyRotateCommand,
    'session:list': async () => (await import('./SessionListCommand.js')).SessionListCommand,
    'session:show': async () => (await import('./SessionShowCommand.js')).SessionShowCommand,
    'session:prune': async () => (await import('./SessionPruneCommand.js')).SessionPruneCommand,
    'session:revoke': async () => (await import('./SessionRevokeCommand.js')).SessionRevokeCommand,
    'session:migrate': async () => (await import('./SessionMigrateCommand.js')).SessionMigrateCommand,
};
