// The entry of the console, started by ./artisan. It imports only sosise/console, so that a command loads no more
// of the framework than it needs.
import { Artisan } from 'sosise/console';

const artisan = new Artisan({
    entryUrl: import.meta.url,
    config: { session: () => import('./config/session.js') },
    commands: () => import('./app/Console/Kernel.js'),
    bootstrap: () => import('./bootstrap/app.js'),
});

await artisan.runAsProcess(process.argv.slice(2));
