import AppServiceProvider from '../app/Providers/AppServiceProvider.js';
import {
    HttpServiceProvider,
    LoggingServiceProvider,
    ServiceProviderClass,
    SessionServiceProvider,
} from '../framework/index.js';

/** They register, boot and get ready in this order, and shut down in reverse. */
const providers: ServiceProviderClass[] = [
    LoggingServiceProvider,
    HttpServiceProvider,
    SessionServiceProvider,
    AppServiceProvider,
    // For development: error pages that explain, pages that load again. To go without, delete this line and the folder.
    (await import('../framework/DevTools/DevToolsServiceProvider.js')).DevToolsServiceProvider,
];

export default providers;
