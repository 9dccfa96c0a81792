// The built application as it is, with sessions on, and the routes of the benchmark in its routes file.
import { createApplication } from '../../../../build/bootstrap/app.js';
import { serve } from '../../../../build/framework/index.js';
import { addRoutes } from './routes.js';

const { BENCH_DRIVER, BENCH_FOLDER, BENCH_REDIS_PORT, BENCH_ACCESS_LOG, BENCH_ENCRYPT } = process.env;

await serve(async () => {
    const application = await createApplication({
        session: {
            enabled: true,
            driver: BENCH_DRIVER,
            encrypt: BENCH_ENCRYPT === '1',
            cookie: { secure: false }, // the benchmark speaks plain http
            drivers: { file: { path: `${BENCH_FOLDER}/sessions` }, redis: { port: Number(BENCH_REDIS_PORT) || 6379 } },
        },
        logging: { access: BENCH_ACCESS_LOG === '1', files: { folder: `${BENCH_FOLDER}/logs` } },
    });
    addRoutes((await import('../../../../build/routes/api.js')).default);
    return application;
});
