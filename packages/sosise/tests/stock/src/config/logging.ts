import { defineLoggingConfig, env, logLevels } from 'sosise';

export default defineLoggingConfig({
    // debug, info, warning, error or critical: what is less severe is not written.
    // Unset: debug in development, info in production.
    level: env.oneOf('LOG_LEVEL', logLevels),

    // One line per request, without query, headers and cookies: true or false.
    access: true,

    // Files in storage/logs. One that reaches maxSizeBytes is rotated; maxFiles of each name are kept.
    files: { enabled: true, maxSizeBytes: 10 * 1024 * 1024, maxFiles: 5 },

    // Channels with a level or a file of their own, for logger.info('Paid', { order }, 'payments'):
    // payments: { level: 'info', file: 'payments.log' }
    channels: {},
});
