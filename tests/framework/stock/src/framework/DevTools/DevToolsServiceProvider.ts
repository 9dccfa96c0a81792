export * from '../../../../../../src/framework/DevTools/DevToolsServiceProvider.js';
