export * from '../../../../../src/framework/console.js';
