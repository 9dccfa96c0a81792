// Runs an app in several processes that share its port: `node cluster.js <entry> <processes>`.
import cluster from 'node:cluster';

const [entry, processes] = process.argv.slice(2);

if (cluster.isPrimary) {
    for (let count = Number(processes); count > 0; count -= 1) {
        cluster.fork();
    }
    process.on('SIGTERM', () => {
        for (const worker of Object.values(cluster.workers)) {
            worker.process.kill('SIGTERM');
        }
    });
} else {
    await import(entry);
}
