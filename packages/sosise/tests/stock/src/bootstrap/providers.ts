import { HttpServiceProvider, LoggingServiceProvider, ServiceProviderClass, SessionServiceProvider } from 'sosise';
import AppServiceProvider from '../app/Providers/AppServiceProvider.js';

/** Providers register, boot and get ready in this order, and shut down in reverse. */
const providers: ServiceProviderClass[] = [
    LoggingServiceProvider,
    HttpServiceProvider,
    SessionServiceProvider,
    AppServiceProvider,
    // For development: detailed error pages, pages that reload, the session inspector. To remove it, delete this line.
    (await import('sosise/devtools')).DevToolsServiceProvider,
];

export default providers;
