/** The door to what helps in development: error pages that explain, pages that load again, the inspector. */

export { DevToolsServiceProvider } from './DevTools/DevToolsServiceProvider.js';
