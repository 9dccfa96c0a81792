import { traceRequests } from './traceRequests.js';

/*
 * `npm run trace`: which functions a request passes that reads its session, and one that changes it. With --calls, one line
 * for each call.
 */
for (const [name, { calls, functions, files, changesOfFile, sessionFiles }] of Object.entries(await traceRequests())) {
    console.log(
        `${name}: ${calls.length} calls of ${functions} functions in ${files} files (${sessionFiles} of Session/), ` +
            `${changesOfFile} changes of file`,
    );
    if (process.argv.includes('--calls')) {
        console.log(calls.map((call) => `    ${call.join(' ')}`).join('\n'));
    }
}
