import { rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';

/** Removes a socket that a killed process has left. False: somebody listens there, or it is none. */
export async function removeAbandoned(path: string): Promise<boolean> {
    if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) {
        return false;
    }
    const code = await new Promise((resolve) => {
        const socket = connect(path, () => resolve(socket.destroy())).on('error', (error) =>
            resolve('code' in error && error.code),
        );
    });
    if (code !== 'ECONNREFUSED') {
        return false;
    }
    rmSync(path, { force: true });
    return true;
}
