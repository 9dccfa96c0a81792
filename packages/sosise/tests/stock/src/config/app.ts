import { defineAppConfig, env } from 'sosise';

export default defineAppConfig({
    // The application's name in the banner. Unset: the name in sosise.json.
    name: env.string('APP_NAME'),

    // Add settings of your own here; read them with app.config.get('app').
});
