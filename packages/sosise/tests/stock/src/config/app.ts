import { defineAppConfig, env } from 'sosise';

export default defineAppConfig({
    // What the application is called in the banner. Unset: the name in sosise.json.
    name: env.string('APP_NAME'),

    // Settings of your own are welcome here; read them with app.config.get('app').
});
