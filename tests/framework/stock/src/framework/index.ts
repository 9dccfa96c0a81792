export * from '../../../../../src/framework/index.js';
