import { HttpServiceProvider, LoggingServiceProvider, ServiceProviderClass, SessionServiceProvider } from 'sosise';
import AppServiceProvider from '../app/Providers/AppServiceProvider.js';

/** They register, boot and get ready in this order, and shut down in reverse. */
const providers: ServiceProviderClass[] = [
    LoggingServiceProvider,
    HttpServiceProvider,
    SessionServiceProvider,
    AppServiceProvider,
    // For development: error pages that explain, pages that load again. To remove it, delete this line.
    (await import('sosise/devtools')).DevToolsServiceProvider,
];

export default providers;
