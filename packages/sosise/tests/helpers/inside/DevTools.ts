/** What tests use of src/DevTools. */

export { DevToolsServiceProvider } from '../../../src/DevTools/DevToolsServiceProvider.js';
export { DevelopmentErrorPage } from '../../../src/DevTools/ErrorPage/DevelopmentErrorPage.js';
export { hideSecrets } from '../../../src/DevTools/ErrorPage/hideSecrets.js';
export { misspeltActions } from '../../../src/DevTools/misspeltActions.js';
