import type { CommandList } from './Command.js';

/** The framework's own commands. */
export const frameworkCommands: CommandList = {
    list: async () => (await import('./ListCommand.js')).ListCommand,
    'key:generate': async () => (await import('./KeyGenerateCommand.js')).KeyGenerateCommand,
    'key:rotate': async () => (await import('./KeyRotateCommand.js')).KeyRotateCommand,
    'session:doctor': async () => (await import('./SessionDoctorCommand.js')).SessionDoctorCommand,
    'session:migrate': async () => (await import('./SessionMigrateCommand.js')).SessionMigrateCommand,
    'session:test': async () => (await import('./SessionTestCommand.js')).SessionTestCommand,
};
