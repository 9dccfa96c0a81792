import { defineLoggingConfig, env, logLevels } from 'sosise';

export default defineLoggingConfig({
    // The least severe level that is logged: debug, info, warning, error or critical.
    // Unset: debug in development, info in production.
    level: env.oneOf('LOG_LEVEL', logLevels),

    // One line per request, without query, headers and cookies: true or false.
    access: true,

    // Files in storage/logs. A file that reaches maxSizeBytes is rotated; maxFiles of each name are kept.
    files: { enabled: true, maxSizeBytes: 10 * 1024 * 1024, maxFiles: 5 },

    // Channels with their own level or file, for logger.info('Paid', { order }, 'payments'):
    // payments: { level: 'info', file: 'payments.log' }
    // audit: { file: 'audit.log' } also turns the audit log on: who logs in and out, whose sessions are revoked, who is refused.
    channels: {},
});
