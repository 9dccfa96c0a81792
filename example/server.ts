// A small shop to learn from: npm run example. Delete this folder when you no longer need it.

import { HttpPipeline, serve } from 'sosise';
import { createApplication } from '../src/bootstrap/app.js';
import routes from './routes.js';

await serve(async () => {
    const app = await createApplication({ session: { enabled: true } });
    // Your own routes are in src/routes/api.ts. The example adds its routes before them.
    await app.wire();
    app.container.make(HttpPipeline).before('routes', routes);
    return app;
});
