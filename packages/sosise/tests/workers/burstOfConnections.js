import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * So many clients, each with a connection on which it asks again as soon as it is answered; after a while as many more, at once.
 * Says how many answers all others got while one of the late ones waited for its first: the most of them.
 */
const { port, clients } = workerData;
let answers = 0;

function client(onFirst) {
    const socket = connect(port, '127.0.0.1');
    const before = answers;
    let isFirst = true;
    const ask = () => socket.write('GET /work HTTP/1.1\r\nHost: test\r\n\r\n');
    let text = '';
    socket.on('data', (chunk) => {
        text += chunk;
        if (!text.endsWith('"done"')) {
            return;
        }
        text = '';
        answers += 1;
        if (isFirst) {
            isFirst = false;
            onFirst(answers - before);
        }
        ask();
    });
    ask();
}

const all = (count) => Promise.all(Array.from({ length: count }, () => new Promise((resolve) => client(resolve))));

await all(clients);
parentPort.postMessage(Math.max(...(await all(clients))));
