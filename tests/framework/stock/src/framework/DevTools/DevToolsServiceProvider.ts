import { developmentProviders } from '../../../../devTools.js';
import { ServiceProvider, type ServiceProviderClass } from '../index.js';

class Nothing extends ServiceProvider {}

/** The framework's, unless its folder has been deleted, as the README says that it may be. */
export const DevToolsServiceProvider: ServiceProviderClass = developmentProviders[0] ?? Nothing;
