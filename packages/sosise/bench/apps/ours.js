// The built application as it is, with sessions on, and the routes of the benchmark in its routes file.
import { createApplication } from '../../../../build/bootstrap/app.js';
import { SessionManager, serve } from '../../../../build/framework/index.js';
import { addRoutes } from './routes.js';

const { BENCH_DATABASE, BENCH_DRIVER, BENCH_FOLDER, BENCH_REDIS_PORT, BENCH_ACCESS_LOG, BENCH_ENCRYPT, BENCH_METRICS } =
    process.env;
const isSqlite = BENCH_DRIVER === 'sqlite';
const url = isSqlite ? `${BENCH_FOLDER}/sessions.sqlite` : BENCH_DATABASE;

if (BENCH_DRIVER === 'adapter') {
    const { default: AppServiceProvider } = await import('../../../../build/app/Providers/AppServiceProvider.js');
    const [{ default: connectPgSimple }, { default: session }, { default: pg }] = await Promise.all([
        import('connect-pg-simple'),
        import('express-session'),
        import('pg'),
    ]);
    const { boot } = AppServiceProvider.prototype;
    AppServiceProvider.prototype.boot = function bootWithStore() {
        boot.call(this);
        const pool = new pg.Pool({ connectionString: BENCH_DATABASE });
        this.app.container
            .make(SessionManager)
            .extend('adapter', () => new (connectPgSimple(session))({ pool, errorLog: () => {} }));
    };
}

await serve(async () => {
    const application = await createApplication({
        session: {
            enabled: true,
            driver: isSqlite ? 'database' : BENCH_DRIVER,
            encrypt: BENCH_ENCRYPT === '1',
            cookie: { secure: false }, // the benchmark speaks plain http
            drivers: {
                file: { path: `${BENCH_FOLDER}/sessions` },
                redis: { port: Number(BENCH_REDIS_PORT) || 6379 },
                ...(url && { database: { url, createTable: true } }),
            },
        },
        http: { metrics: BENCH_METRICS === '1' },
        logging: {
            access: BENCH_ACCESS_LOG !== '',
            console: BENCH_ACCESS_LOG === 'terminal' ? 'readable' : 'json',
            files: { folder: `${BENCH_FOLDER}/logs` },
        },
    });
    addRoutes((await import('../../../../build/routes/api.js')).default);
    return application;
});
