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
    // For development: pages that reload. To go without it, delete this line and its folder.
    (await import('../framework/DevTools/DevToolsServiceProvider.js')).DevToolsServiceProvider,
];

export default providers;
