// The entry. It has no static imports: an old Node.js would fail on them before it ran this check.
var version = process.versions.node.split('.').map(Number) as [number, number];

if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
    console.error(`This application needs Node.js 20.19 or newer, and this is ${process.versions.node}.`);
    process.exit(1);
}

Promise.all([import('sosise'), import('./bootstrap/app.js')]).then((modules) =>
    modules[0].serve(modules[1].createApplication),
);
