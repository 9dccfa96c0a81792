/** What tests use of src/framework/Kernel. */
export { ApplicationKernel, type ServiceProviderClass } from '../../../src/framework/Kernel/ApplicationKernel.js';
export { Container } from '../../../src/framework/Kernel/Container.js';
export { DriverManager } from '../../../src/framework/Kernel/DriverManager.js';
export { ServiceProvider } from '../../../src/framework/Kernel/ServiceProvider.js';
