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
];

export default providers;
