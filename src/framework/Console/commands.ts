import type { CommandList } from './Command.js';

/** The framework's own commands. */
export const frameworkCommands: CommandList = {
    list: async () => (await import('./ListCommand.js')).ListCommand,
    'key:generate': async () => (await import('./KeyGenerateCommand.js')).KeyGenerateCommand,
    'key:rotate': async () => (await import('./KeyRotateCommand.js')).KeyRotateCommand,
    'make:command': async () => (await import('./make/MakeCommandCommand.js')).MakeCommandCommand,
    'make:controller': async () => (await import('./make/MakeControllerCommand.js')).MakeControllerCommand,
    'make:exception': async () => (await import('./make/MakeExceptionCommand.js')).MakeExceptionCommand,
    'make:middleware': async () => (await import('./make/MakeMiddlewareCommand.js')).MakeMiddlewareCommand,
    'make:provider': async () => (await import('./make/MakeProviderCommand.js')).MakeProviderCommand,
    'make:service': async () => (await import('./make/MakeServiceCommand.js')).MakeServiceCommand,
    'make:session-driver': async () => (await import('./make/MakeSessionDriverCommand.js')).MakeSessionDriverCommand,
    'session:migrate': async () => (await import('./SessionMigrateCommand.js')).SessionMigrateCommand,
};
