// A small shop to learn from: npm run example. Delete this folder when you need it no more.

import { HttpPipeline, serve } from 'sosise';
import { createApplication } from '../src/bootstrap/app.js';
import routes from './routes.js';

await serve(async () => {
    const app = await createApplication({ session: { enabled: true } });
    // Your own routes stand in src/routes/api.ts. Here they come from outside, ahead of those.
    await app.wire();
    app.container.make(HttpPipeline).before('routes', routes);
    return app;
});
