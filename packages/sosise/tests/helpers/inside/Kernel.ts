/** What tests use of src/Kernel. */
export { ApplicationKernel, type ServiceProviderClass } from '../../../src/Kernel/ApplicationKernel.js';
export { Container } from '../../../src/Kernel/Container.js';
export { DriverManager } from '../../../src/Kernel/DriverManager.js';
export { ServiceProvider } from '../../../src/Kernel/ServiceProvider.js';
