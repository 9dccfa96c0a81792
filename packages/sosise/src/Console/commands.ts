import type { CommandList } from './Command.js';

export const frameworkCommands: CommandList = {
    list: async () => (await import('./ListCommand.js')).ListCommand,
    about: async () => (await import('./AboutCommand.js')).AboutCommand,
    'config:show': async () => (await import('./ConfigShowCommand.js')).ConfigShowCommand,
    'route:list': async () => (await import('./RouteListCommand.js')).RouteListCommand,
    'key:generate': async () => (await import('./KeyGenerateCommand.js')).KeyGenerateCommand,
    'key:rotate': async () => (await import('./KeyRotateCommand.js')).KeyRotateCommand,
    'make:command': async () => (await import('./Make/MakeCommandCommand.js')).MakeCommandCommand,
    'make:controller': async () => (await import('./Make/MakeControllerCommand.js')).MakeControllerCommand,
    'make:exception': async () => (await import('./Make/MakeExceptionCommand.js')).MakeExceptionCommand,
    'make:middleware': async () => (await import('./Make/MakeMiddlewareCommand.js')).MakeMiddlewareCommand,
    'make:provider': async () => (await import('./Make/MakeProviderCommand.js')).MakeProviderCommand,
    'make:service': async () => (await import('./Make/MakeServiceCommand.js')).MakeServiceCommand,
    'make:session-driver': async () => (await import('./Make/MakeSessionDriverCommand.js')).MakeSessionDriverCommand,
    'session:doctor': async () => (await import('./SessionDoctorCommand.js')).SessionDoctorCommand,
    'session:list': async () => (await import('./SessionListCommand.js')).SessionListCommand,
    'session:migrate': async () => (await import('./SessionMigrateCommand.js')).SessionMigrateCommand,
    'session:prune': async () => (await import('./SessionPruneCommand.js')).SessionPruneCommand,
    'session:revoke': async () => (await import('./SessionRevokeCommand.js')).SessionRevokeCommand,
    'session:show': async () => (await import('./SessionShowCommand.js')).SessionShowCommand,
    'session:test': async () => (await import('./SessionTestCommand.js')).SessionTestCommand,
};
