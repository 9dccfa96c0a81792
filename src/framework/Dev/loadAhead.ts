/** Loads what a run loads that listens, with sessions in files. None of it reads the environment as it loads. */
export async function loadAhead(): Promise<void> {
    // A file that can't be loaded fails once more where the run imports it, and is reported there.
    await Promise.allSettled([
        import('../index.js'),
        import('../Session/SessionDrivers.js'),
        import('../Session/SessionLayer.js'),
        import('../Session/SessionPruner.js'),
        import('../Session/startSession.js'),
        import('../Session/checkDriver.js'),
        import('../Session/openSealed.js'),
        import('../Session/stores/FileStore.js'),
        ...devTools.map((name) => import(new URL(`../DevTools/${name}.js`, import.meta.url).href)),
    ]);
}

/** By address, as the folder may be deleted. */
const devTools = ['DevToolsServiceProvider', 'InstanceWatch', 'ErrorPage/DevelopmentErrorPage', 'misspeltActions'];
