// The entry of the console, started by ./artisan. It imports sosise/console alone: a command that needs little
// of the framework loads little of it.
import { Artisan } from 'sosise/console';

const artisan = new Artisan({
    entryUrl: import.meta.url,
    config: { session: () => import('./config/session.js') },
    commands: () => import('./app/Console/Kernel.js'),
    bootstrap: () => import('./bootstrap/app.js'),
});

await artisan.runAsProcess(process.argv.slice(2));
