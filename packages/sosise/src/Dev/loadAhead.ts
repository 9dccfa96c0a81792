/** Loads what a run loads that listens, with sessions in files. None of it reads the environment as it loads. */
export async function loadAhead(): Promise<void> {
    // A file that can't be loaded fails once more where the run imports it, and is reported there.
    await Promise.allSettled([
        import('../index.js'),
        import('../Session/Opening/OpenedDrivers.js'),
        import('../Session/Request/SessionServices.js'),
        import('../Session/Request/ExpressStore.js'),
        import('../Session/Admin/SessionPruner.js'),
        import('../Session/Request/startSession.js'),
        import('../Session/Drivers/checkDriver.js'),
        import('../Session/Sealing/openEncrypted.js'),
        import('../Session/Stores/File/FileStore.js'),
        import('../DevTools/DevToolsServiceProvider.js'),
        import('../DevTools/InstanceWatch.js'),
        import('../DevTools/ErrorPage/DevelopmentErrorPage.js'),
        import('../DevTools/misspeltActions.js'),
    ]);
}
