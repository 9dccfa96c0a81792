/** What tests use of src/Kernel. */
export { ApplicationKernel, type ServiceProviderClass } from '../../../src/Kernel/ApplicationKernel.js';
export { Container } from '../../../src/Kernel/Container.js';
export { ServiceProvider } from '../../../src/Kernel/ServiceProvider.js';
