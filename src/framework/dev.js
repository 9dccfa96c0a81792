// `npm run dev`: node src/framework/dev.js src/server.ts
// Not TypeScript: the package that reads it may be missing, as after npm ci --omit=dev, and that is to be said.
try {
    import.meta.resolve('tsx');
} catch {
    console.error('tsx is not installed, which runs TypeScript in development: run npm install.');
    process.exit(1);
}
await import('tsx');
await import('./dev.ts');
